import { createHmac } from 'node:crypto';

/** What a delivery says of itself, as in the Standard Webhooks specification 1.0. */
export interface Delivery {
  /** The same for each attempt, so that a receiver can tell a repetition. */
  readonly id: string;
  /** Unix seconds of this attempt. */
  readonly seconds: number;
  readonly body: string;
}

/** With this in front a secret is base64, as the tools of that specification make them. */
const BASE64_SECRET = 'whsec_';

/** The headers that name a delivery; with a secret also the one that proves who sent it. */
export function webhookHeaders(delivery: Delivery, secret?: string): Record<string, string> {
  const { id, seconds } = delivery;
  const headers = { 'webhook-id': id, 'webhook-timestamp': String(seconds) };
  return secret === undefined
    ? headers
    : { ...headers, 'webhook-signature': `v1,${signature(delivery, secret)}` };
}

function signature({ id, seconds, body }: Delivery, secret: string): string {
  const key = secret.startsWith(BASE64_SECRET)
    ? Buffer.from(secret.slice(BASE64_SECRET.length), 'base64')
    : Buffer.from(secret);
  return createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64');
}

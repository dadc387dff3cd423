import { z } from 'zod';
import { isToken } from '../../protocol/mod.ts';

/** Where events go besides the bus. */
export interface WebhookConfig {
  readonly name: string;
  readonly url: string;
  readonly topics?: readonly string[] | undefined;
  readonly progress: boolean;
  readonly secretFile?: string | undefined;
}

const token = z.string().refine(isToken, 'must match [A-Za-z0-9_-]+, 63 characters at most');

/** `[[webhooks]]` of agent.toml. */
export const WebhookFile = z.strictObject({
  /** Names the place in the event stream: agents that have the same one deliver each event once, together. */
  name: token,
  url: z.url({ protocol: /^https?$/, error: 'must be an http or https address' }),
  /** Such as "job"; all without it. */
  topics: z.array(token).min(1).max(16).optional(),
  /** Also each step forward of a running job. */
  progress: z.boolean().default(false),
  /** What deliveries are signed with: text, or `whsec_` and base64. */
  secret_file: z.string().startsWith('/', 'must be an absolute path').optional(),
});

export function webhookConfig({
  secret_file: secretFile,
  ...rest
}: z.infer<typeof WebhookFile>): WebhookConfig {
  return { ...rest, ...(secretFile === undefined ? {} : { secretFile }) };
}

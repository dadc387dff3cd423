import { expect, it } from 'vitest';
import { webhookHeaders } from './signature.ts';

// The example of the Standard Webhooks specification's reference libraries.
const delivery = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', seconds: 1614265330, body: '{"test": 2432232314}' };

it('signs as the Standard Webhooks specification says', () => {
  expect(webhookHeaders(delivery, 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')).toEqual({
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
});

it('takes any text as a secret, too, and needs none', () => {
  expect(webhookHeaders(delivery, 'plain')['webhook-signature']).not.toBe(
    webhookHeaders(delivery, 'other')['webhook-signature'],
  );
  expect(Object.keys(webhookHeaders(delivery))).toEqual(['webhook-id', 'webhook-timestamp']);
});

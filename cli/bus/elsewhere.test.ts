import type { NatsConnection } from '@nats-io/transport-node';
import { expect, it, vi } from 'vitest';
import { askElsewhere } from './elsewhere.ts';
import type { ConnectionSettings } from './options.ts';

it('asks no further server once the time of the request is over', async () => {
  let nowMs = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
  const tried: string[] = [];
  const connect = ({ servers }: { readonly servers: readonly string[] }) => {
    tried.push(...servers);
    nowMs += 2_000;
    return Promise.reject(new Error('timeout'));
  };
  const settings = { cluster: 'lab', servers: ['n1', 'n2', 'n3', 'n4', 'n5', 'n6'], login: {}, tls: {} };
  const asked = { getServer: () => 'n1:4222' } as NatsConnection;
  const request = { subject: 's', payload: new Uint8Array(), timeoutMs: 5_000 };
  expect(
    await askElsewhere({ connect } as never, settings as unknown as ConnectionSettings, asked, request),
  ).toBe(undefined);
  expect(tried).toEqual(['n2', 'n3', 'n4']);
});

import { describe, expect, test } from 'vitest';
import { GodwitError, subjects } from '../../protocol/mod.ts';
import { discoveryAnswer, discoverySubjects } from './discovery.ts';
import { createEndpoints } from './endpoints.ts';

const on = subjects('lab');

function instance() {
  const endpoints = createEndpoints();
  endpoints.of(on.node('n1', 'info')).count(2);
  for (const name of ['a', 'b.c', 'd_e']) endpoints.of(on.containerAny(name)).count(1);
  endpoints
    .of(on.containerAny('a'))
    .count(3, new GodwitError('CONTAINER_BUSY', { container: 'a', job: 'j' }));
  endpoints.of(on.auction);
  const metadata = { node: 'n1', cluster: 'lab', protocol: 'v1' };
  return { id: 'n1-x', version: '0.1.0', metadata, startedAtMs: 0, endpoints };
}

describe("answers to NATS' service discovery (ADR-32)", () => {
  test('are asked for by everybody, by service and by instance', () => {
    expect(discoverySubjects('PING', 'i')).toEqual([
      '$SRV.PING',
      '$SRV.PING.godwit-agent',
      '$SRV.PING.godwit-agent.i',
    ]);
  });

  test('PING says who it is and no more', () => {
    expect(discoveryAnswer('PING', instance())).toEqual({
      type: 'io.nats.micro.v1.ping_response',
      name: 'godwit-agent',
      id: 'n1-x',
      version: '0.1.0',
      metadata: { node: 'n1', cluster: 'lab', protocol: 'v1' },
    });
  });

  test('INFO lists one endpoint per kind of subject, none of them in a queue group', () => {
    const endpoint = (name: string, subject: string) => ({ name, subject, queue_group: '', metadata: {} });
    expect(discoveryAnswer('INFO', instance()).endpoints).toEqual([
      endpoint('node-info', 'godwit.v1.lab.node.n1.info'),
      endpoint('container', 'godwit.v1.lab.container.*.*'),
      endpoint('auction', 'godwit.v1.lab.auction'),
    ]);
  });

  test('STATS count requests, errors and nanoseconds', () => {
    const stats = discoveryAnswer('STATS', instance());
    expect(stats.started).toBe('1970-01-01T00:00:00.000Z');
    expect(stats.endpoints).toMatchObject([
      { name: 'node-info', num_requests: 1, num_errors: 0, last_error: '', processing_time: 2e6 },
      {
        name: 'container',
        num_requests: 4,
        num_errors: 1,
        last_error: "409:CONTAINER_BUSY: 'a' is busy with job j",
        processing_time: 6e6,
        average_processing_time: 1.5e6,
      },
      { name: 'auction', num_requests: 0, average_processing_time: 0 },
    ]);
  });
});

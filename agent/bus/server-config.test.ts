import { describe, expect, test } from 'vitest';
import { type ServerConfig, serverConfigText } from './server-config.ts';
import { NATS_PORTS, planTopology } from './topology.ts';

const JOIN = ['10.77.0.11', '10.77.0.12', '10.77.0.13', '10.77.0.14'];

function text(address: string, join: readonly string[], change: Partial<ServerConfig> = {}): string {
  return serverConfigText({
    cluster: 'lab',
    node: 'n1',
    listen: '0.0.0.0',
    address,
    ports: NATS_PORTS,
    dir: '/var/lib/godwit/nats',
    topology: planTopology(join, { address, node: 'n1' }),
    version: [2, 15],
    ...change,
  });
}

describe('configuration of nats-server', () => {
  test('a member keeps records, is routed to all members and lets leaf nodes in', () => {
    const config = text('10.77.0.12', JOIN);
    expect(config).toContain('sync_interval: always');
    expect(config).toContain('listen: "10.77.0.12:6222"');
    for (const host of JOIN.slice(0, 3)) expect(config).toContain(`"nats-route://${host}:6222"`);
    expect(config).not.toContain('nats-route://10.77.0.14');
    expect(config).toContain('listen: "10.77.0.12:7422"');
    expect(config).not.toContain('remotes');
  });

  test('a leaf keeps no records and knows every record server', () => {
    const config = text('10.77.0.14', JOIN);
    expect(config).not.toMatch(/jetstream|cluster \{/);
    for (const host of JOIN.slice(0, 3)) expect(config).toContain(`"nats-leaf://${host}:7422"`);
  });

  test('a node without peers opens no port for servers', () => {
    const config = text('127.0.0.1', []);
    expect(config).toContain('jetstream {');
    expect(config).not.toMatch(/leafnodes|cluster \{/);
  });

  test('the first of two is alone but lets the other in', () => {
    const config = text('10.77.0.11', JOIN.slice(0, 2));
    expect(config).not.toContain('cluster {');
    expect(config).toContain('listen: "10.77.0.11:7422"');
  });

  test('leaves reach the records of those they are a leaf of: both ends must say so', () => {
    for (const address of JOIN) expect(text(address, JOIN)).toContain('default_js_domain: { "$G": "" }');
  });

  test('an old server is not given words it does not know', () => {
    expect(text('10.77.0.11', JOIN, { version: [2, 9] })).not.toMatch(/sync_interval|logfile_max_num/);
  });

  test('an address of version 6 gets its brackets', () => {
    expect(text('fd00::1', [], { listen: '::' })).toContain('listen: "[::]:4222"');
  });
});

import { describe, expect, it } from 'vitest';
import { GodwitError } from '../../protocol/mod.ts';
import { parseConfig } from './config.ts';

describe('parseConfig', () => {
  it('fills every default in', () => {
    const config = parseConfig('node = "n1"\naddress = "10.0.0.1"', 'agent.toml');
    expect(config).toMatchObject({
      node: 'n1',
      cluster: 'default',
      address: '10.0.0.1',
      bus: { embedded: true, join: [], clientPort: 4222 },
      dataPort: 7433,
      dataEncrypt: false,
      lxcPath: '/var/lib/lxc',
    });
  });

  it('does not start a server of its own when a bus is named', () => {
    expect(parseConfig('node="n"\naddress="h"\n[bus]\nurl="nats://h:4222"', 'f').bus.embedded).toBe(false);
  });

  it.each([
    ['nod = "n1"', 'nod'],
    ['node = "a b"', 'node'],
    ['[data]\nport = 0', 'data.port'],
    ['[bus]\njoin = "n1"', 'bus.join'],
    ['state_dir = "relative"', 'state_dir'],
    ['node = ', 'agent.toml'],
  ])('refuses %j and names the place', (text, place) => {
    const error = caught(() => parseConfig(text, 'agent.toml'));
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toContain(place);
  });
});

function caught(action: () => unknown): GodwitError {
  try {
    action();
  } catch (error) {
    if (error instanceof GodwitError) return error;
  }
  throw new Error('nothing was refused');
}

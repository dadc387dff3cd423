import { expect, it } from 'vitest';
import { configFile, cutToPayload, hostVeth, hostVethPrefix } from './names.ts';

it('finds the host ends of the veths by the name alone, within the kernel limit', () => {
  const long = 'n'.repeat(63);
  expect(hostVeth(long, 31)).toHaveLength(14);
  expect(hostVeth(long, 31).startsWith(hostVethPrefix(long))).toBe(true);
  expect(hostVethPrefix('a')).not.toBe(hostVethPrefix('a-1'));
});

it('takes the whole container although its init sits in a child group', () => {
  expect(cutToPayload('/lxc.payload.web')).toBe('/lxc.payload.web');
  expect(cutToPayload('/lxc.payload.web-1/init.scope')).toBe('/lxc.payload.web-1');
  expect(cutToPayload('/lab/lxc.payload.web/a/b')).toBe('/lab/lxc.payload.web');
  expect(cutToPayload('/elsewhere')).toBe('/elsewhere');
});

it('never leaves the LXC path', () => {
  expect(configFile('/var/lib/lxc', 'web.1')).toBe('/var/lib/lxc/web.1/config');
  expect(() => configFile('/var/lib/lxc', '../etc')).toThrow(/not a valid container name/);
});

import { expect, it } from 'vitest';
import { configFile, containersOf, cutToPayload, hostVeth, hostVethPrefix, isHostVeth } from './names.ts';

it('finds the host ends of the veths by the name alone, within the kernel limit', () => {
  const long = 'n'.repeat(63);
  expect(hostVeth(long, 31)).toHaveLength(14);
  expect(hostVeth(long, 31).startsWith(hostVethPrefix(long))).toBe(true);
  expect(hostVethPrefix('a')).not.toBe(hostVethPrefix('a-1'));
});

it('knows the names it gives from those of others', () => {
  expect([hostVeth('web', 0), hostVeth('n'.repeat(63), 31)].filter(isHostVeth)).toHaveLength(2);
  expect(['gw0', 'veth1a2b3c', 'gw123456789', 'gw12345678gn0', 'xgw123456789n0'].filter(isHostVeth)).toEqual(
    [],
  );
});

it('names who may have made a group of LXC', () => {
  expect(containersOf('lxc.payload.web')).toEqual(['web']);
  expect(containersOf('lxc.monitor.web-1')).toEqual(['web-1', 'web']);
  expect(containersOf('lxc.pivot')).toEqual([]);
  expect(containersOf('system.slice')).toEqual([]);
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

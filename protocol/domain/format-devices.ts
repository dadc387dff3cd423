import { empty, nested, text } from './lines.ts';
import type { DomainSpec, FilesystemSpec, HostdevSpec, InterfaceSpec } from './spec.ts';

/** `<devices>`: file systems, the root first, interfaces, the console and device nodes. */
export function deviceLines(spec: DomainSpec): string[] {
  return nested(1, 'devices', {}, [
    ...[spec.root, ...spec.filesystems].flatMap(filesystemLines),
    ...spec.interfaces.flatMap(interfaceLines),
    ...(spec.console ? [empty(2, 'console', { type: 'pty' })] : []),
    ...(spec.hostdevs ?? []).flatMap(hostdevLines),
  ]);
}

function filesystemLines(filesystem: FilesystemSpec): string[] {
  const { type, target, readonly } = filesystem;
  const kib = filesystem.type === 'ram' && filesystem.bytes % 1024 === 0;
  const source =
    filesystem.type === 'ram'
      ? { usage: kib ? filesystem.bytes / 1024 : filesystem.bytes, units: kib ? 'KiB' : 'bytes' }
      : { dir: filesystem.source };
  return nested(2, 'filesystem', { type }, [
    empty(3, 'source', source),
    empty(3, 'target', { dir: target }),
    ...(readonly ? [empty(3, 'readonly')] : []),
  ]);
}

function interfaceLines(nic: InterfaceSpec): string[] {
  const { bridge, network, mac, guestName, addresses, routes = [], link, mtu } = nic;
  return nested(2, 'interface', { type: bridge === undefined ? 'network' : 'bridge' }, [
    empty(3, 'source', { bridge, network }),
    empty(3, 'mac', { address: mac }),
    empty(3, 'guest', { dev: guestName }),
    ...addresses.map(({ family, address, prefix }) => empty(3, 'ip', { family, address, prefix })),
    ...routes.map(({ family, address, prefix, gateway, metric }) =>
      empty(3, 'route', { family, address, prefix, gateway, metric }),
    ),
    ...(link === undefined ? [] : [empty(3, 'link', { state: link })]),
    ...(mtu === undefined ? [] : [empty(3, 'mtu', { size: mtu })]),
  ]);
}

function hostdevLines({ type, path }: HostdevSpec): string[] {
  const node = text(4, type === 'storage' ? 'block' : 'char', path);
  return nested(2, 'hostdev', { mode: 'capabilities', type }, nested(3, 'source', {}, [node]));
}

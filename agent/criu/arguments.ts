import type { CriuPaths, DumpOptions, DumpTransport, PageServerOptions, PreDumpOptions } from './criu.ts';

/** How criu cuts the network of the tasks off while they stand still. */
export type NetworkLock = 'nftables' | 'iptables';

/** Arguments of `criu dump`. The plan's own arguments name the tree (`-t`) and everything that is the container's. */
export function dumpArguments(options: DumpOptions, networkLock?: NetworkLock): string[] {
  return [
    'dump',
    ...pathArguments(options),
    ...options.plan.args,
    ...transportArguments(options.transport),
    ...(networkLock ? ['--network-lock', networkLock] : []),
    ...(options.hook ? ['--action-script', options.hook] : []),
    ...(options.previous || options.track ? ['--track-mem'] : []),
    ...(options.previous ? ['--prev-images-dir', options.previous] : []),
    ...(options.leaveRunning ? ['--leave-running'] : []),
  ];
}

/** Arguments of `criu pre-dump`: only memory, and the first one starts the kernel's dirty tracking. */
export function preDumpArguments(options: Omit<PreDumpOptions, 'deadlineMs'>): string[] {
  const { address, port } = options;
  return [
    'pre-dump',
    ...pathArguments(options),
    ...options.plan.args,
    ...transportArguments({ kind: 'page-server', address, port }),
    '--track-mem',
    ...(options.previous ? ['--prev-images-dir', options.previous] : []),
  ];
}

/** Arguments of `criu page-server` on loopback: the data port stands between it and the other node. */
export function pageServerArguments(options: Omit<PageServerOptions, 'deadlineMs'>): string[] {
  return [
    'page-server',
    ...pathArguments(options),
    '--address',
    '127.0.0.1',
    '--port',
    String(options.port),
    ...(options.previous ? ['--prev-images-dir', options.previous, '--auto-dedup'] : []),
  ];
}

/** Arguments of `criu lazy-pages`: its socket must appear in the work directory of the restore. */
export function lazyPagesArguments(
  options: CriuPaths & { address: string; port: number; workDir?: string },
): string[] {
  return [
    'lazy-pages',
    ...pathArguments(options),
    ...(options.workDir ? ['--work-dir', options.workDir] : []),
    '--page-server',
    '--address',
    options.address,
    '--port',
    String(options.port),
  ];
}

function pathArguments({ imageDir, logFile }: CriuPaths): string[] {
  return ['--images-dir', imageDir, '--log-file', logFile, '--status-fd', '3'];
}

function transportArguments(transport: DumpTransport): string[] {
  switch (transport.kind) {
    case 'page-server':
      return ['--page-server', '--address', transport.address, '--port', String(transport.port)];
    case 'lazy':
      return [
        '--lazy-pages',
        ...(transport.address === undefined ? [] : ['--address', transport.address]),
        ...(transport.port === undefined ? [] : ['--port', String(transport.port)]),
      ];
    case 'local':
      return [];
  }
}

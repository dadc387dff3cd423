import { join } from 'node:path';
import type { Runner } from '../effects/runner.ts';
import {
  dumpArguments,
  lazyPagesArguments,
  type NetworkLock,
  pageServerArguments,
  preDumpArguments,
} from './arguments.ts';
import { createProbe, type Probed } from './capabilities.ts';
import type { Criu } from './criu.ts';
import { explainLog } from './explain.ts';
import { triesOtherUser } from './limits-probe.ts';
import { startCriu } from './process.ts';
import { readDumpStats } from './stats.ts';

/** What criu's driver needs from outside. */
export interface CriuDependencies {
  readonly runner: Runner;
  /** Path or name of the program; `criu` on the PATH when not given. */
  readonly binary?: string;
  /** Fixed choice of the network lock, instead of what `capabilities()` finds. */
  readonly networkLock?: NetworkLock;
  /** 0 (silent) to 4 (everything); criu's log costs time while the container is frozen, so 2 (warnings) unless asked. */
  readonly logLevel?: 0 | 1 | 2 | 3 | 4;
}

/**
 * criu through its command line. `capabilities()` should have been awaited before the first dump: it finds out which network
 * lock works. Without it criu's own default (iptables) is used.
 */
export function createCriu({ runner, binary = 'criu', networkLock, logLevel = 2 }: CriuDependencies): Criu {
  const probe = createProbe(runner, binary);
  let probed: Probed | undefined;
  let others: Promise<boolean> | undefined;
  const start = (
    args: readonly string[],
    logFile: string,
    rest: Omit<Parameters<typeof startCriu>[1], 'logFile'>,
  ) => startCriu(runner, { ...rest, logFile }, { file: binary, args: [...args, `-v${logLevel}`] });

  return {
    async capabilities() {
      probed = await probe();
      return { criu: probed.version, features: probed.features };
    },
    dumpsOtherUsers: (runDir) => (others ??= triesOtherUser(runner, binary, runDir)),
    dump: (options) =>
      start(dumpArguments(options, networkLock ?? probed?.networkLock), options.logFile, {
        action: 'dump',
        code: 'DUMP_FAILED',
        deadlineMs: options.deadlineMs,
        listens: options.transport.kind === 'lazy',
      }),
    preDump: (options) =>
      start(preDumpArguments(options), options.logFile, {
        action: 'pre-dump',
        code: 'DUMP_FAILED',
        deadlineMs: options.deadlineMs,
        listens: false,
      }),
    pageServer: (options) =>
      start(pageServerArguments(options), options.logFile, {
        action: 'page-server',
        code: 'RESTORE_FAILED',
        deadlineMs: options.deadlineMs,
        listens: true,
      }),
    lazyPages: (options) =>
      start(lazyPagesArguments(options), options.logFile, {
        action: 'lazy-pages',
        code: 'RESTORE_FAILED',
        deadlineMs: options.deadlineMs,
        listens: true,
      }),
    dumpStats: (imageDir) => readDumpStats(join(imageDir, 'stats-dump')),
    explain: explainLog,
  };
}

import { join } from 'node:path';
import type { Clock } from '../effects/clock.ts';
import type { Runner } from '../effects/runner.ts';
import { differenceOf } from './changes.ts';
import { listTree, parseListing } from './listing.ts';
import type { PassPeer } from './peer.ts';
import { localCommand } from './rsync.ts';

export interface NearOptions {
  readonly runner: Runner;
  readonly clock: Clock;
  /** The copy: a directory of this node. */
  readonly to: string;
  /** Directory of the job, for a list. */
  readonly dir: string;
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
}

/** A copy on the same node. It outlives no power cut, so nothing waits for its disk. */
export function nearPeer({ runner, clock, to, dir, signal, deadlineMs }: NearOptions): PassPeer {
  let bytes = 0;
  return {
    get bytes() {
      return bytes;
    },
    run: async (request, { listFile }) => {
      const result = await runner.run({ ...localCommand(request, listFile, to), deadlineMs, signal });
      signal.throwIfAborted();
      bytes += Number(/^Literal data: (\d+) bytes$/m.exec(result.stdout)?.[1] ?? 0);
      return result;
    },
    compare: async (listing, sent) => {
      await sent;
      const own = await listTree({ runner, clock, root: to, file: join(dir, 'listing-copy'), signal });
      return differenceOf(parseListing(listing, 0), parseListing(own, 0)) ?? '';
    },
  };
}

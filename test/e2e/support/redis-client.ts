import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Verdict } from '../workloads/redis-check/check.ts';
import type { Gap } from '../workloads/redis-check/gaps.ts';
import { compiled } from './checkout.ts';
import type { Cluster } from './cluster.ts';

const GAP_PATIENCE_MS = 60_000;

const program = compiled('test/e2e/workloads/redis-check/main.ts');

/** A client that keeps one connection to a Redis and compares every reply (workloads/redis-check). */
export interface RedisClient {
  /** The longest gap since then, once it has the downtime in it: a lost packet may be sent again only later. */
  gapOf(move: { readonly sinceMs: number; readonly downtimeMs: number }): Promise<Gap>;
  /** Ends it: it reads every key back and judges. */
  finish(): Promise<Verdict>;
  kill(): void;
}

type Note = { readonly type: 'loaded' } | (Gap & { readonly type: 'gap' }) | Verdict;

/** Starts the client outside all nodes and waits until its keys are loaded. */
export async function startRedisClient(
  cluster: Cluster,
  options: { readonly host: string; readonly megabytes: number; readonly noteGapMs?: number },
): Promise<RedisClient> {
  const { host, megabytes, noteGapMs = 20 } = options;
  const args = [
    '--host',
    host,
    '--megabytes',
    String(megabytes),
    '--note-gap-ms',
    String(noteGapMs),
    '--no-stdin',
  ];
  const child = cluster.lab.start(['client', '--', 'node', program, ...args]);
  const gaps: Gap[] = [];
  const noted = new EventEmitter();
  let verdict: Verdict | undefined;
  const ended = once(child, 'close');
  const loaded = new Promise<void>((resolve, reject) => {
    if (!child.stdout) return reject(new Error('the client has no stdout'));
    createInterface(child.stdout).on('line', (line) => {
      const note: Note = JSON.parse(line);
      if (note.type === 'loaded') resolve();
      if (note.type === 'gap') {
        gaps.push(note);
        noted.emit('gap');
      }
      if (note.type === 'verdict') verdict = note;
    });
    void ended.then(() => reject(new Error(`the client ended: ${JSON.stringify(verdict)}`)));
  });
  await loaded;
  return {
    async gapOf({ sinceMs, downtimeMs }) {
      const signal = AbortSignal.timeout(GAP_PATIENCE_MS);
      for (;;) {
        const since = gaps.filter((gap) => gap.endMs >= sinceMs);
        const longest = since.reduce<Gap | undefined>((a, b) => (a && a.ms > b.ms ? a : b), undefined);
        if (longest && longest.ms > downtimeMs / 2) return longest;
        await once(noted, 'gap', { signal });
      }
    },
    async finish() {
      child.kill('SIGTERM');
      await Promise.race([ended, sleep(120_000, undefined, { ref: false })]);
      if (!verdict) throw new Error('the client gave no verdict');
      return verdict;
    },
    kill: () => child.kill('SIGKILL'),
  };
}

import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { compiled } from '../support/checkout.ts';
import type { Cluster } from '../support/cluster.ts';
import type { Gap, Lease, Violation } from '../workloads/lease/leases.ts';

export const LEASE_ADDRESS = '10.77.0.1';
export const LEASE_PORT = 7900;
export const TICK_MS = 20;

/** The lock service on the lab's network, outside all nodes (workloads/lease). */
export interface LeaseService {
  readonly violations: readonly Violation[];
  /** The longest time that a lease was not renewed, among those that ended since then. */
  longestGapMs(lease: string, sinceMs: number): number;
  get(lease: string): Promise<Partial<Lease>>;
  forget(lease: string): Promise<void>;
  close(): Promise<void>;
}

type Note =
  | ({ readonly type: 'violation' } & Violation)
  | ({ readonly type: 'gap' } & Gap)
  | ({ readonly type: 'lease' } & Partial<Lease>)
  | { readonly type: 'listening' | 'forgotten' };

/** Starts the service and waits until it listens. */
export async function startLeaseService(cluster: Cluster): Promise<LeaseService> {
  const program = compiled('test/e2e/workloads/lease/main.ts');
  const args = ['client', '--', 'node', program, '--port', String(LEASE_PORT)];
  const child = cluster.lab.start(args, { stdin: 'pipe' });
  const { stdin, stdout } = child;
  if (!stdin || !stdout) throw new Error('the lease service has no pipes');
  const violations: Violation[] = [];
  const gaps: Gap[] = [];
  const waiting: ((answer: Partial<Lease>) => void)[] = [];
  const listening = new Promise<void>((resolve, reject) => {
    createInterface({ input: stdout }).on('line', (line) => {
      const note: Note = JSON.parse(line);
      if (note.type === 'listening') resolve();
      else if (note.type === 'violation') violations.push(note);
      else if (note.type === 'gap') gaps.push(note);
      else waiting.shift()?.(note.type === 'lease' ? note : {});
    });
    child.once('close', () => reject(new Error('the lease service ended')));
  });
  await listening;
  const ask = (line: string) =>
    new Promise<Partial<Lease>>((resolve) => {
      waiting.push(resolve);
      stdin.write(`${line}\n`);
    });
  return {
    violations,
    longestGapMs: (lease, sinceMs) =>
      Math.max(
        0,
        ...gaps
          .filter((gap) => gap.lease === lease && gap.endMs >= sinceMs)
          .map((gap) => gap.endMs - gap.startMs),
      ),
    get: (lease) => ask(`get ${lease}`),
    forget: async (lease) => void (await ask(`forget ${lease}`)),
    async close() {
      const ended = once(child, 'close');
      stdin.end();
      await ended;
    },
  };
}

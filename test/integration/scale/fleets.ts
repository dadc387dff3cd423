import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { compiled } from '../../e2e/support/checkout.ts';
import type { FleetNews, FleetWord } from './words.ts';

/** Agents in a few processes of their own. */
export interface Fleets extends AsyncDisposable {
  /** CPU time of all since their start, and memory now. */
  cost(): Promise<Pick<FleetNews, 'cpuMs' | 'memoryBytes'>>;
}

/** Starts that many agents on a bus, `each` a process at most; resolves when all answer. */
export async function startFleets(url: string, count: number, each: number): Promise<Fleets> {
  const program = compiled('test/integration/scale/fleet.ts');
  const fleets: ChildProcess[] = [];
  for (let first = 0; first < count; first += each)
    fleets.push(fork(program, [url, String(first), String(Math.min(each, count - first))]));
  const dispose = async () => {
    await Promise.all(fleets.map((fleet) => ended(fleet)));
  };
  try {
    await Promise.all(fleets.map((fleet) => news(fleet)));
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    cost: async () => {
      const costs = await Promise.all(fleets.map((fleet) => ask(fleet, { kind: 'cost' })));
      const sum = (what: 'cpuMs' | 'memoryBytes') => costs.reduce((all, cost) => all + cost[what], 0);
      return { cpuMs: sum('cpuMs'), memoryBytes: sum('memoryBytes') };
    },
    [Symbol.asyncDispose]: dispose,
  };
}

function ask(fleet: ChildProcess, word: FleetWord): Promise<FleetNews> {
  const answer = news(fleet);
  fleet.send(word);
  return answer;
}

async function news(fleet: ChildProcess): Promise<FleetNews> {
  const gone = once(fleet, 'exit').then(([code]) => {
    throw new Error(`a process of agents ended with ${code}`);
  });
  const [said] = (await Promise.race([once(fleet, 'message'), gone])) as [FleetNews];
  return said;
}

async function ended(fleet: ChildProcess): Promise<void> {
  if (fleet.exitCode !== null || fleet.signalCode !== null) return;
  const exit = once(fleet, 'exit');
  if (fleet.connected) fleet.send({ kind: 'stop' } satisfies FleetWord);
  else fleet.kill('SIGTERM');
  await exit;
}

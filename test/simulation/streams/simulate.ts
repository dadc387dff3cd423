import { LIMITS } from '../../../protocol/limits.ts';
import { Content } from './content.ts';
import type { End, EndOptions, Fate } from './end.ts';
import { Acceptor, Opener, replay } from './host.ts';
import { Network } from './network.ts';
import { Random } from './random.ts';
import { World } from './world.ts';

/** `mild`: nothing that a stream may not survive. `rough`: anything. */
export type Weather = 'mild' | 'rough';

/** What became of one run. */
export interface Outcome {
  readonly seed: number;
  readonly opener: Fate;
  readonly acceptor: Fate | 'none';
  readonly bytes: number;
  readonly connections: number;
  readonly endedMs: number;
}

/** A rule that does not hold, and how to see it again. */
export class Violation extends Error {
  constructor(seed: number, weather: Weather, what: string) {
    super(`seed ${seed}, ${weather}: ${what}`);
  }
}

const THERE = new Content(1, LIMITS.frameBytes);
const BACK = new Content(2, LIMITS.frameBytes);
const HOUR_MS = 3_600_000;

/** One stream from its opening to its end, in weather that the seed decides. @throws Violation */
export function simulate(seed: number, weather: Weather): Outcome {
  const random = new Random(seed);
  const world = new World();
  const network = new Network(world, random, weather === 'mild' ? 1_000 : 8_000);
  const [there, back] = [lengthOf(random), lengthOf(random)];
  const acceptor = new Acceptor({ world, random, writes: BACK, reads: THERE, ...back });
  const opener = new Opener(network, acceptor, { world, random, writes: THERE, reads: BACK, ...there });
  const ends = (): End[] => [opener.end, ...acceptor.ends];
  const violated = (what: string): never => {
    throw new Violation(seed, weather, what);
  };
  for (const action of weather === 'mild' ? mild(random) : rough(random))
    world.after(action.atMs, () => action.run({ network, random, opener, acceptor }));
  opener.open();
  try {
    const quiet = world.run(HOUR_MS, () => {
      if (ends().some((end) => end.tooMuch)) violated('more than a window is kept');
    });
    if (!quiet) violated('it never ends');
  } catch (error) {
    if (error instanceof Violation) throw error;
    violated((error as Error).message);
  }
  const last = acceptor.ends.at(-1);
  for (const end of ends()) {
    if (end.fate === 'open') violated('an end stays open for ever');
    if (end.fate === 'done' && !(end.sawEnd && end.sawFinish)) violated('done without an end');
  }
  // What its peer's reader has taken, and nothing less, is what `finish` means.
  if (opener.end.sawFinish && !acceptor.ends.some((end) => end.delivered === there.length))
    violated('finished, but not there');
  if (acceptor.ends.some((end) => end.sawFinish) && opener.end.delivered !== back.length)
    violated('finished, but not here');
  if (weather === 'mild' && (opener.end.fate !== 'done' || last?.fate !== 'done'))
    violated(`broken by a short cut: ${opener.end.problem || last?.problem}`);
  const bytes = opener.end.delivered + (last?.delivered ?? 0);
  const { fate } = opener.end;
  return {
    seed,
    opener: fate,
    acceptor: last?.fate ?? 'none',
    bytes,
    connections: network.made,
    endedMs: world.nowMs,
  };
}

interface Scene {
  readonly network: Network;
  readonly random: Random;
  readonly opener: Opener;
  readonly acceptor: Acceptor;
}

interface Action {
  readonly atMs: number;
  readonly run: (scene: Scene) => void;
}

/** Cuts of up to five seconds and broken connections, with time to recover between them. */
function mild(random: Random): Action[] {
  let atMs = 0;
  return Array.from({ length: random.whole(4) }, () => {
    atMs += random.chance(0.7) ? random.upTo(400) : random.upTo(5_000);
    const kind = random.whole(2);
    const forMs = kind === 2 ? 0 : random.upTo(5_000);
    const action = { atMs, run: (scene: Scene) => breakLink(scene, kind, forMs) };
    atMs += forMs > 0 ? forMs + 8_000 : 0;
    return action;
  });
}

/** The same at any time and for any time, and hosts that die, streams that are not wanted any more, hellos said twice. */
function rough(random: Random): Action[] {
  return Array.from({ length: random.whole(8) }, () => {
    const atMs = random.chance(0.6) ? random.upTo(500) : random.upTo(30_000);
    const kind = random.whole(8);
    return { atMs, run: (scene: Scene) => disturb(scene, kind) };
  });
}

function disturb(scene: Scene, kind: number): void {
  const { random, opener, acceptor, network } = scene;
  if (kind <= 2) breakLink(scene, kind, random.upTo(20_000));
  else if (kind === 8) network.reset(() => [random.chance(0.5), random.chance(0.5)]);
  else if (kind === 3 && opener.lastHello) replay(network, acceptor, opener.lastHello);
  else if (kind === 4) acceptor.ends.at(-1)?.destroy(new Error('the target does not want it'));
  else if (kind === 5) opener.end.destroy(new Error('the source does not want it'));
  else if (kind === 6) {
    acceptor.restart();
    network.reset(() => [random.chance(0.8), false]);
  } else if (kind === 7 && random.chance(0.3)) {
    opener.end.vanish();
    network.reset(() => [false, random.chance(0.8)]);
  }
}

/** A cut cable; one that loses all connections on top; or only those, told to both ends. */
function breakLink({ network }: Scene, kind: number, forMs: number): void {
  if (kind < 2) network.mendedMs = Math.max(network.mendedMs, network.world.nowMs + forMs);
  if (kind === 1) network.reset(() => [false, false]);
  if (kind === 2) network.reset(() => [true, true]);
}

/** Mostly some dozen writes, large or small; sometimes nothing, sometimes several windows. */
function lengthOf(random: Random): Pick<EndOptions, 'length' | 'mostAtOnce'> {
  const mostAtOnce = random.chance(0.3) ? 20_000 : 200;
  if (random.chance(0.1)) return { length: 0, mostAtOnce };
  if (random.chance(0.02))
    return { length: random.whole(3 * LIMITS.streamWindowBytes), mostAtOnce: LIMITS.frameBytes };
  return { length: random.whole(60 * mostAtOnce), mostAtOnce };
}

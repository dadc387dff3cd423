import { request } from './bus.ts';
import { JOB } from './names.ts';
import type { SimNode } from './node.ts';
import type { World } from './world.ts';

/** A link that is silent for longer is a broken one. */
const PATIENCE_MS = 10_000;

const nodeOf = (world: World): SimNode => world.chance.oneOf([world.source, world.target]);

/** What can happen, as often as it stands here. */
export const INCIDENTS: readonly ((world: World) => void)[] = [
  crash,
  crash,
  crash,
  crash,
  stopAgent,
  cutPower,
  cutPower,
  cutBoth,
  cutNetwork,
  cutNetwork,
  cutData,
  storeSilent,
  storeSilent,
  killCriu,
  killPager,
  fillUp,
  fillUpAndCrash,
  fillUpAndCrash,
  abort,
  abort,
  resolveNow,
  forceNow,
];

/** While a doubt is left an operator chooses a side, again and again. */
export function operate(world: World): void {
  const { timeline, chance, excuses, source } = world;
  if (excuses.noOperator) return;
  const keep = chance.oneOf(['source', 'target'] as const);
  const again = (): void => {
    if (source.move?.phase === 'in-doubt') resolve(world, keep);
    timeline.at(4_000, again);
  };
  timeline.at(chance.skewed(1_000, 30_000), again);
}

function crash(world: World, node = nodeOf(world)): void {
  node.crash();
  later(world, 8_000, () => node.start(world.chance.skewed(20, 2_000)));
}

function stopAgent(world: World): void {
  nodeOf(world).stop(forMs(world, 30_000));
}

function cutPower(world: World): void {
  const node = nodeOf(world);
  node.cutPower();
  later(world, 20_000, () => node.start(1_000));
}

function cutBoth(world: World): void {
  for (const node of [world.source, world.target]) {
    node.cutPower();
    later(world, 20_000, () => node.start(1_000));
  }
}

function cutNetwork(world: World): void {
  const way = world.chance.oneOf(['S', 'T']);
  world.note('network', () => `${way} is cut off`);
  world.weather.cut(way, forMs(world, 40_000));
}

function storeSilent(world: World): void {
  world.note('network', () => 'the store is cut off');
  world.weather.cut('store', forMs(world, 40_000));
}

function cutData(world: World): void {
  const { weather, timeline } = world;
  world.note('network', () => 'the link between S and T is cut');
  weather.cut('data', forMs(world, 40_000));
  timeline.at(PATIENCE_MS, () => {
    if (!weather.open('data')) world.breakControl('the link was cut too long');
  });
}

/** Killed tasks cannot be held; a dump that is killed leaves what it froze. */
function killCriu(world: World): void {
  const { place, host, move } = nodeOf(world);
  if (!host.criu) return;
  world.note(place, () => 'its criu is killed');
  host.criu = undefined;
  host.hook = undefined;
  if (host.copy === 'building' || host.copy === 'held') {
    host.copy = 'absent';
    world.excuses.targetBroke = true;
  }
  move?.broke();
}

/** What holds the missing pages freezes the container before it lets them go. */
function killPager(world: World): void {
  const { place, host, move } = world.target;
  if (host.pager?.state !== 'fetching') return;
  world.note(place, () => 'its pager is killed');
  host.pager.state = 'lost';
  if (!world.variant.zeroPages) host.freeze();
  world.excuses.targetBroke = true;
  host.pager.tell();
  move?.broke();
}

function fillUp(world: World, { place, host } = nodeOf(world)): void {
  world.note(place, () => 'has no room for notes');
  host.full = true;
  later(world, 30_000, () => {
    host.full = false;
  });
}

function fillUpAndCrash(world: World): void {
  const node = nodeOf(world);
  fillUp(world, node);
  later(world, 3_000, () => crash(world, node));
}

function abort(world: World): void {
  ask(world, 'abort', {});
}

function resolveNow(world: World): void {
  resolve(world, world.chance.oneOf(['source', 'target']));
}

/** Nobody waits for the word of a target that has lost its power: what it had is gone. */
function forceNow(world: World): void {
  if (world.excuses.powerCut.has('T')) resolve(world, world.chance.oneOf(['source', 'target']), true);
}

function resolve(world: World, keep: 'source' | 'target', force = false): void {
  if (keep === 'source') world.excuses.keptSource = true;
  world.note('operator', () => `resolves ${JOB}${force ? ' by force' : ''}: keep the ${keep}'s`);
  ask(world, 'resolve', { keep, force });
}

function ask(world: World, verb: string, body: unknown): void {
  const life = world.operator;
  request(world, { place: 'operator', life }, world.source, { verb, body, timeoutMs: 5_000 }).catch(() => {});
}

function forMs(world: World, mostMs: number): number {
  return world.chance.skewed(50, mostMs);
}

/** At the latest when the weather is calm: what is down comes up again. */
function later(world: World, mostMs: number, action: () => void): void {
  const { timeline, weather } = world;
  timeline.at(Math.min(forMs(world, mostMs), weather.calmAtMs - timeline.nowMs), action);
}

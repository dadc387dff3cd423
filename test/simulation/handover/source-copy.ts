import { GodwitError, type WireError } from '../../../protocol/mod.ts';
import type { Life } from './life.ts';
import type { SimNode } from './node.ts';
import type { World } from './world.ts';

/** The source's copy and what a move does to it, step by step: an agent can die after each. */
export class SourceCopy {
  private readonly world: World;
  private readonly node: SimNode;
  private readonly life: Life;
  private started: Promise<void> | undefined;
  private cancelled = false;
  private gone: () => void = () => {};

  constructor(world: World, node: SimNode, life: Life) {
    this.world = world;
    this.node = node;
    this.life = life;
  }

  /** criu dumps; the hook freezes the cgroup when the images are complete, whoever listens then. */
  freeze(): Promise<void> {
    const frozen = this.begin();
    this.started = frozen.then(
      () => {},
      () => {},
    );
    return frozen;
  }

  private async begin(): Promise<void> {
    const { world, node, life } = this;
    const { host } = node;
    const { chance } = world;
    const fails = chance.hits(world.weather.calm ? 0 : 0.02);
    await life.step(chance.skewed(1, 30), () => {
      host.criu = 'dump';
    });
    // An undo that came meanwhile ends it with the streams.
    if (this.cancelled) throw new GodwitError('DUMP_FAILED', { problem: 'given up' });
    await new Promise<void>((resolve, reject) => {
      const stopped = () => host.criu !== 'dump';
      const gone = () => life.now(() => reject(new GodwitError('DUMP_FAILED', { problem: 'criu ended' })));
      this.gone = gone;
      host.process(chance.skewed(5, 80), () => {
        if (stopped()) return;
        host.copy = 'frozen';
        host.networkLocked = true;
        world.note(node.place, () => 'tasks stand still');
      });
      host.process(chance.skewed(90, 400), () => {
        if (stopped()) return;
        if (fails) {
          host.criu = undefined;
          host.copy = 'running';
          host.networkLocked = false;
          world.note(node.place, () => 'criu dump fails, tasks run on');
          return gone();
        }
        host.hook = 'post-dump';
        life.now(resolve);
      });
    });
  }

  criuDied(): void {
    this.gone();
  }

  /** All images are on the target; breaks with the streams. */
  async ship(arrived: () => void): Promise<void> {
    const { world, life } = this;
    for (let part = 0; part < 2; part++) {
      await life.step(world.chance.skewed(5, 300), () => {});
      if (!world.control.open) throw new GodwitError('TRANSFER_FAILED', { problem: 'the streams are gone' });
    }
    arrived();
  }

  /** The container runs on here: in the order that a killed criu needs. */
  async undo(): Promise<void> {
    const { host, place } = this.node;
    const { world } = this;
    this.cancelled = true;
    await this.step(() => {
      this.gone();
      this.world.breakControl('the source gives up');
      host.criu = undefined;
      host.hook = undefined;
    });
    await this.started;
    await this.step(() => {
      host.criu = undefined;
      host.networkLocked = false;
    });
    await this.step(() => {
      if (host.copy === 'frozen') world.note(place, () => 'thaws its copy');
      host.copy = thawed(host.copy);
    });
    await this.clear();
  }

  /** The frozen tasks die without ever running again. */
  async killTasks(): Promise<void> {
    const { host, place } = this.node;
    const { world } = this;
    const kill = () => {
      world.note(place, () => 'kills its copy');
      if (host.copy === 'frozen' || host.copy === 'running') host.copy = 'killed';
    };
    const thaw = () => {
      host.copy = thawed(host.copy);
    };
    for (const step of world.variant.thawsFirst ? [thaw, kill, thaw] : [kill, thaw]) await this.step(step);
    await this.step(() => {
      host.criu = undefined;
      host.hook = undefined;
      host.networkLocked = false;
    });
    await this.clear();
  }

  private clear(): Promise<void> {
    return this.step(() => {
      this.node.host.jobDir = false;
      this.world.breakControl('the source is done with them');
    });
  }

  private step(act: () => void): Promise<void> {
    return this.life.step(this.world.chance.skewed(0.5, 60), act);
  }
}

function thawed(copy: SimNode['host']['copy']): SimNode['host']['copy'] {
  if (copy === 'frozen') return 'running';
  return copy === 'killed' ? 'dead' : copy;
}

export function failure(problem: string): WireError {
  return new GodwitError('RESTORE_FAILED', { target: 'T', problem }).toWire();
}

import { GodwitError } from '../../../protocol/mod.ts';
import type { Life } from './life.ts';
import type { SimNode } from './node.ts';
import type { World } from './world.ts';

const PAGES = 6;
/** Between two tries of a pager that reaches nobody. */
const AGAIN_MS = 400;

/** The target's copy and what a move does for it. Restore, hook and pager are processes of the host: they survive the agent. */
export class TargetCopy {
  private readonly world: World;
  private readonly node: SimNode;
  private readonly life: Life;
  private broken: () => void = () => {};
  private images: () => void = () => {};
  private readonly arrived: Promise<void>;
  private reserving: Promise<void> | undefined;
  private givenUp = false;

  constructor(world: World, node: SimNode, life: Life) {
    this.world = world;
    this.node = node;
    this.life = life;
    this.arrived = new Promise((resolve) => {
      this.images = resolve;
    });
  }

  /** The images came, all of them. */
  imagesArrived(): void {
    this.life.now(this.images);
  }

  async reserve(): Promise<void> {
    this.reserving = this.step(() => {
      this.node.host.jobDir = true;
    });
    await this.reserving;
  }

  /** Resolves when the tasks are built and held in the hook. */
  async build(pagesFollow: () => boolean): Promise<void> {
    const { world, node, life } = this;
    const { host } = node;
    const { chance } = world;
    await this.arrived;
    await this.step(() => {
      this.unlessGivenUp();
      if (pagesFollow()) this.startPager();
    });
    await this.step(() => {
      this.unlessGivenUp();
      host.criu = 'restore';
      host.copy = 'building';
    });
    const fails = chance.hits(world.weather.calm ? 0 : 0.03);
    await new Promise<void>((resolve, reject) => {
      host.process(chance.skewed(20, 600), () => {
        if (host.criu !== 'restore' || host.copy !== 'building') return;
        if (fails) {
          host.criu = undefined;
          host.copy = 'absent';
          return life.now(() => reject(new GodwitError('RESTORE_FAILED', { target: 'T', problem: 'criu' })));
        }
        host.copy = 'held';
        host.hook = 'post-restore';
        host.networkLocked = true;
        world.note(node.place, () => 'tasks are built and held');
        life.now(resolve);
      });
    });
  }

  /** Lets the hook go; a copy that runs already goes on running. */
  resume(): Promise<void> {
    const { world, node } = this;
    const { host } = node;
    return this.step(() => {
      if (host.copy !== 'held' && host.copy !== 'running')
        throw new GodwitError('RESTORE_FAILED', { target: 'T', problem: `the copy is ${host.copy}` });
      if (host.copy === 'held') world.note(node.place, () => 'lets its tasks run');
      host.copy = 'running';
      host.hasRun = true;
      host.hook = undefined;
      host.criu = undefined;
      host.networkLocked = false;
    });
  }

  /** Every page is here. Rejects when they never will be. */
  received(): Promise<void> {
    const { host } = this.node;
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (host.pager?.state === 'complete') this.life.now(resolve);
        if (host.pager?.state === 'lost') this.life.now(() => reject(lostPages()));
      };
      if (!host.pager) return resolve();
      host.pager.tell = look;
      look();
    });
  }

  /** Hears of a copy or a pager that breaks while nobody waits for it. */
  onBroken(broken: () => void): void {
    this.broken = broken;
  }

  broke(): void {
    this.life.now(this.broken);
  }

  async undo(): Promise<void> {
    const { world, node } = this;
    const { host } = node;
    this.givenUp = true;
    await this.reserving;
    await this.step(() => {
      host.pager = undefined;
    });
    await this.step(() => {
      if (host.copy !== 'absent') world.note(node.place, () => `its copy that was ${host.copy} dies`);
      host.copy = 'absent';
      host.criu = undefined;
      host.hook = undefined;
      host.networkLocked = false;
    });
    await this.step(() => {
      host.jobDir = false;
    });
  }

  settle(): Promise<void> {
    const { host } = this.node;
    return this.step(() => {
      host.pager = undefined;
      host.jobDir = false;
    });
  }

  freezeForGood(): Promise<void> {
    const { host } = this.node;
    return this.step(() => {
      host.freeze();
      host.hook = undefined;
      host.criu = undefined;
      host.networkLocked = false;
    });
  }

  async clear(): Promise<void> {
    const { world, node } = this;
    const { host } = node;
    await this.step(() => {
      world.note(node.place, () => 'its lost copy dies');
      host.copy = 'stopped';
    });
    await this.settle();
  }

  private unlessGivenUp(): void {
    if (this.givenUp) throw new GodwitError('MOVE_ABORTED', { problem: 'it is undone' });
  }

  private startPager(): void {
    const { host } = this.node;
    host.pager = { missing: PAGES, state: 'fetching', tell: () => {} };
    this.page();
  }

  /** Asks the source again and again; only when that says that it has no pages the copy is frozen and given up. */
  private page(): void {
    const { world, node } = this;
    const { host } = node;
    const { pager } = host;
    host.process(world.chance.skewed(10, 600), () => {
      if (!pager || host.pager !== pager || pager.state !== 'fetching') return;
      const answer = world.weather.open('data') ? node.other.page() : 'silent';
      if (answer === 'page') pager.missing -= 1;
      if (pager.missing === 0) pager.state = 'complete';
      if (answer === 'gone') {
        pager.state = 'lost';
        if (!world.variant.zeroPages) host.freeze();
        world.note(node.place, () => 'the source has no pages: frozen');
      }
      if (pager.state === 'fetching') return answer === 'silent' ? this.pageLater() : this.page();
      pager.tell();
      if (pager.state === 'lost') node.move?.broke();
    });
  }

  private pageLater(): void {
    this.node.host.process(AGAIN_MS, () => this.page());
  }

  private step(act: () => void): Promise<void> {
    return this.life.step(this.world.chance.skewed(0.5, 60), act);
  }
}

function lostPages(): GodwitError {
  return new GodwitError('CONTAINER_LOST', { container: 'web', problem: 'the pages are gone' });
}

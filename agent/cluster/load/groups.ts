import { cgroupHierarchies, cgroupVersion } from '../../host/cgroup-paths.ts';
import type { CgroupPaths, Runtime } from '../../runtime/runtime.ts';
import { kernelText } from './files.ts';

/** Where a running container is found: one of its processes, and its cgroup. */
export interface Found {
  readonly pid: number;
  readonly paths: CgroupPaths;
  /** The pid's cgroups when it was found: others mean that the pid belongs to somebody else by now. */
  readonly membership: string;
}

/** Asking the runtime starts a process; containers that are not found are asked for this rarely. */
const AGAIN_MS = 10_000;

/** Remembers where containers run, so that a look at them costs no process. */
export class Groups {
  private readonly known = new Map<string, Found>();
  private readonly askedAtMs = new Map<string, number>();
  private readonly runtime: Pick<Runtime, 'status' | 'cgroupOf'>;

  constructor(runtime: Pick<Runtime, 'status' | 'cgroupOf'>) {
    this.runtime = runtime;
  }

  /** Undefined: it does not run here, or was not found lately. */
  async of(name: string, nowMs: number): Promise<Found | undefined> {
    const known = this.known.get(name);
    if (known && membershipOf(known.pid) === known.membership) return known;
    this.known.delete(name);
    if (nowMs - (this.askedAtMs.get(name) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS) return undefined;
    this.askedAtMs.set(name, nowMs);
    const found = await this.find(name).catch(() => undefined);
    if (found) this.known.set(name, found);
    return found;
  }

  /** Forgets all but these. */
  keep(names: ReadonlySet<string>): void {
    for (const map of [this.known, this.askedAtMs])
      for (const name of map.keys()) if (!names.has(name)) map.delete(name);
  }

  private async find(name: string): Promise<Found | undefined> {
    const { pid, state } = await this.runtime.status(name);
    if (pid === undefined || (state !== 'running' && state !== 'frozen')) return undefined;
    return { pid, paths: await this.runtime.cgroupOf(pid), membership: membershipOf(pid) };
  }
}

/** The top of every hierarchy as this process sees it. @throws GodwitError HOST_FAILED */
export async function topGroup(): Promise<CgroupPaths> {
  const [version, hierarchies] = await Promise.all([cgroupVersion(), cgroupHierarchies()]);
  const dirs: Record<string, string> = {};
  for (const { controllers, mountPoint } of hierarchies) {
    if (controllers.length === 0) dirs.unified = mountPoint;
    for (const controller of controllers) dirs[controller] = mountPoint;
  }
  return { version, dirs };
}

function membershipOf(pid: number): string {
  return kernelText('/proc', String(pid), 'cgroup');
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../effects/system-clock.ts';
import type { DataStream } from '../../stream.ts';
import { openPair, openPorts, type Ports } from '../../testing.ts';
import { openPageServer } from '../open-page-server.ts';
import type { PageServer, PageServerOptions } from '../page-server.ts';
import { FakeSource, type FakeSourceOptions } from './fake-criu.ts';
import { type Dump, type PageFate, pageContent, type Truth, truths, writeDump } from './images.ts';

/** Pages of each process, and where the memory of the processes begins, by pid. */
export const PAGES = 40;
export const BASES: ReadonlyMap<number, number> = new Map([
  [11, 0x7f00],
  [4_000_000, 2 ** 35 - 20],
]);

/** One fate for all pages, or one for each half. */
export type Fates = PageFate | readonly [PageFate, PageFate];

/** Directories of dumps, and what every page of each process is after them. */
export interface Written {
  readonly final: string;
  readonly rounds: readonly string[];
  readonly truth: ReadonlyMap<number, readonly Truth[]>;
}

/** What a test of the page server needs around it. */
export class Scene {
  readonly dir = mkdtempSync(join(tmpdir(), 'godwit-pages-'));
  readonly aborting = new AbortController();
  readonly ports: Ports;
  private readonly opened: PageServer[] = [];

  static async open(): Promise<Scene> {
    return new Scene(await openPorts());
  }

  private constructor(ports: Ports) {
    this.ports = ports;
  }

  async close(): Promise<void> {
    for (const one of this.opened) await one.close();
    await this.ports.close();
    rmSync(this.dir, { recursive: true });
  }

  /** Writes all dumps of the processes; `remote`: the content of what is lazy in the final one stays at the source. */
  writeAll(name: string, processes: ReadonlyMap<number, readonly Dump[]>, remote: boolean): Written {
    const dirs: string[] = [];
    const truth = new Map<number, readonly Truth[]>();
    for (const [pid, arbitrary] of processes) {
      const { dumps, truth: pages } = truths(arbitrary);
      truth.set(pid, pages);
      dumps.forEach((dump, number) => {
        dirs[number] = join(this.dir, `${name}-${number}`);
        const last = number === dumps.length - 1;
        const base = BASES.get(pid) as number;
        writeDump(dirs[number], pid, dump, { base, version: number + 1, remote: last && remote });
      });
    }
    return { final: dirs.at(-1) as string, rounds: dirs.slice(0, -1), truth };
  }

  /** One process: a round with everything, then dumps in which all pages, or those of each half, have one fate. */
  simple(fates: readonly Fates[], remote = true, name = 'simple'): Written {
    return this.writeAll(name, new Map([[11, ['dirty' as const, ...fates].map(allOf)]]), remote);
  }

  async server(options: Partial<PageServerOptions>): Promise<PageServer> {
    const { signal } = this.aborting;
    const server = await openPageServer({ wire: 32, rounds: [], clock: systemClock, signal, ...options });
    this.opened.push(server);
    return server;
  }

  /** A stream to a source that has what is lazy and dirty in the final dump. */
  async source({ truth, rounds }: Written, options: SourceWish = {}): Promise<Connected> {
    const version = rounds.length + 1;
    const { near, far } = await openPair(this.ports, 'lazy');
    far.on('error', () => {});
    const content = (pid: number, page: number): Buffer | undefined => {
      const fate = truth.get(pid)?.[page - (BASES.get(pid) as number)];
      return fate?.lazy && fate.version === version ? pageContent(pid, page, version) : undefined;
    };
    return { stream: near, fake: new FakeSource({ stream: far, content, ...options }) };
  }

  /** The same as often as somebody dials; the n-th connection is like the n-th wish, later ones like the last. */
  dialer(written: Written, wishes: readonly SourceWish[] = [{}]) {
    const fakes: FakeSource[] = [];
    const dial = async (): Promise<DataStream> => {
      const { stream, fake } = await this.source(written, wishes[fakes.length] ?? wishes.at(-1));
      fakes.push(fake);
      return stream;
    };
    return { fakes, dial };
  }
}

/** How a source behaves. */
export type SourceWish = Pick<FakeSourceOptions, 'atMost' | 'breakAt' | 'goneAt'>;

export interface Connected {
  readonly stream: DataStream;
  readonly fake: FakeSource;
}

export function allOf(fate: Fates): Dump {
  const of = (index: number): PageFate => (typeof fate === 'string' ? fate : fate[index < PAGES / 2 ? 0 : 1]);
  const fates = Array.from({ length: PAGES }, (_none, index) => of(index));
  return { fates, cuts: Array<boolean>(PAGES).fill(false) };
}

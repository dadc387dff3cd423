import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { workersOf } from '../../../agent/host/named-processes.ts';
import { killTree } from '../../../agent/host/process-tree.ts';
import { type StoreLab, startStoreLab } from './checkpoints.ts';
import { words } from './moves.ts';

export const NAME = 'app';

/** A container on n1 whose root file system is kept where it is replaced, and whose volume is deleted. */
export interface TreesScene extends AsyncDisposable {
  readonly store: StoreLab;
  /** Where root file system and volume are; both agents see this machine's disk. */
  readonly home: string;
  readonly ask: (subject: string, kind: string, body?: object) => Promise<unknown>;
  readonly stop: () => Promise<unknown>;
  /** Writes one word into both directories. */
  readonly write: (word: string) => void;
  /** The word in each directory beside which there is none of a store's. */
  readonly words: () => Record<string, string>;
  /** What n1 has noted of restores on its disk, by file. */
  readonly notes: () => string[];
  /** All tasks of n1's are gone, and everything on a tmpfs; its agent is dead already. */
  readonly losePower: () => Promise<void>;
}

export async function startTreesScene(settings = '', replaced?: number): Promise<TreesScene> {
  const store = await startStoreLab(3, replaced);
  const { source, bus } = store.lab;
  const home = join(store.dir, '..', `godwit-trees-${process.pid}-${Date.now()}`);
  for (const dir of ['root', 'volume']) mkdirSync(join(home, dir), { recursive: true });
  const ask: TreesScene['ask'] = (subject, kind, body = {}) =>
    bus.request(subject, { type: `io.godwit.v1.${kind}.request`, ...body }, { timeoutMs: 15_000 });
  const write = (word: string) => {
    for (const dir of ['root', 'volume']) writeFileSync(join(home, dir, 'word'), word);
  };
  write('first');
  await ask(words.node('n1', 'define'), 'node.define', { xml: domainIn(home, settings) });
  await ask(words.container(NAME, 'start'), 'container.start');
  const restores = join(source.dir, 'state/restores');
  return {
    store,
    home,
    ask,
    write,
    stop: () => ask(words.container(NAME, 'stop'), 'container.stop', { kill: true }),
    words: () => {
      const dirs = readdirSync(home).filter((dir) => existsSync(join(home, dir, 'word')));
      return Object.fromEntries(
        dirs.map((dir) => [dir.replace(/-.*/, ''), readFileSync(join(home, dir, 'word'), 'utf8')]),
      );
    },
    notes: () => (existsSync(restores) ? readdirSync(restores).map((file) => join(restores, file)) : []),
    losePower: async () => {
      for (const { pid } of await workersOf(join(source.dir, 'run'))) await killTree(pid);
      for (const pid of source.tasks(NAME)) process.kill(pid, 'SIGKILL');
      const run = join(source.dir, 'run');
      execFileSync('sh', [
        '-c',
        `umount ${run}/jobs/*/target/tmpfs 2>/dev/null; rm -rf ${run}/jobs ${run}/booted`,
      ]);
    },
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      execFileSync('rm', ['-rf', home]);
    },
  };
}

export function domainIn(home: string, settings = ''): string {
  return `<domain type='lxc'><name>${NAME}</name><metadata>
    <godwit:settings xmlns:godwit='https://godwit.dev/xmlns/domain/1'><godwit:rootfs policy='copy'/>
      <godwit:volume target='/data' policy='copy' left='delete'/>${settings}</godwit:settings></metadata>
    <memory unit='MiB'>64</memory><os><type>exe</type><init>/bin/app</init></os><devices>
    <filesystem type='mount'><source dir='${home}/root'/><target dir='/'/></filesystem>
    <filesystem type='mount'><source dir='${home}/volume'/><target dir='/data'/></filesystem></devices></domain>`;
}

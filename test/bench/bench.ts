import type { Job } from '../../protocol/mod.ts';
import { type Cluster, type LabWish, startCluster } from '../e2e/support/cluster.ts';
import { createLab } from '../e2e/support/lab.ts';
import type { Measurement } from './document.ts';

const INSTANCE = 'bench';
/** What does the work; the rest of the image does not matter to a figure. */
const MEASURED_PACKAGES = new Set(['criu', 'lxc', 'nats-server', 'redis-server', 'iptables']);

/** What a part of the benchmark gets. */
export interface Bench {
  /** Few samples and small containers, to be through in five minutes. */
  readonly quick: boolean;
  /** Of the time that something takes in its form, what it may take in this run: 1 is all of it. */
  readonly share: number;
  /** One container of so many MiB, in one round, instead of all sizes: for a machine that is slow. */
  readonly mib?: number;
  /** A line for whoever waits. */
  say(line: string): void;
  /** Shows a sign of life while something takes its time. */
  slowly<Result>(what: string, action: () => Promise<Result>): Promise<Result>;
  /** A fresh lab; the one before goes down. */
  lab(wish: LabWish): Promise<Cluster>;
  /** What must end when the benchmark does, however it ends. */
  atEnd(undo: () => void): void;
  /** Keeps a sample; samples of one figure come together by themselves. */
  sample(of: Omit<Measurement, 'values'>, value: number): void;
  /** Keeps a post-copy whose timeline is worth a look. */
  postcopy(job: Job): void;
}

/** A run: what its parts get, what they measured, and its end. */
export interface BenchRun {
  readonly bench: Bench;
  measurements(): readonly Measurement[];
  /** The last one that was kept. */
  postcopy(): Job | undefined;
  /** Packages of the nodes' image by name, once there was a lab. */
  packages(): Readonly<Record<string, string>>;
  /** Takes everything down; safe to call twice. */
  end(): Promise<void>;
}

export function startRun({ quick, share, mib }: Pick<Bench, 'quick' | 'share' | 'mib'>): BenchRun {
  const undoes: (() => void)[] = [];
  const measured = new Map<string, Omit<Measurement, 'values'> & { values: number[] }>();
  let packages: Record<string, string> = {};
  let postcopy: Job | undefined;
  const end = async (): Promise<void> => {
    for (const undo of undoes.splice(0)) undo();
    const { exitCode, stderr } = await createLab(INSTANCE).run(['down']);
    if (exitCode !== 0) throw new Error(`lab down failed: ${stderr}`);
  };
  return {
    bench: {
      quick,
      share,
      ...(mib === undefined ? {} : { mib }),
      say,
      slowly,
      async lab(wish) {
        await end();
        const cluster = await slowly('starting a lab', () => startCluster(INSTANCE, wish));
        packages = packagesOf(await cluster.lab.sh('n1', 'cat /etc/godwit-image'));
        return cluster;
      },
      atEnd: (undo) => undoes.push(undo),
      sample(of, value) {
        const key = JSON.stringify([of.part, of.what, of.way, of.figure]);
        const entry = measured.get(key) ?? { ...of, values: [] };
        measured.set(key, entry);
        entry.values.push(Math.round(value * 1_000) / 1_000);
      },
      postcopy(job) {
        postcopy = job;
      },
    },
    measurements: () => [...measured.values()],
    postcopy: () => postcopy,
    packages: () => packages,
    end,
  };
}

/** "PACKAGE VERSION" a line. */
function packagesOf(image: string): Record<string, string> {
  const pairs = image.split('\n').map((line) => line.split(' ') as [string, string]);
  return Object.fromEntries(pairs.filter(([name]) => MEASURED_PACKAGES.has(name)));
}

async function slowly<Result>(what: string, action: () => Promise<Result>): Promise<Result> {
  const startMs = performance.now();
  say(`${what} ...`);
  const alive = setInterval(() => say(`... ${Math.round((performance.now() - startMs) / 1000)} s`), 10_000);
  try {
    return await action();
  } finally {
    clearInterval(alive);
  }
}

export function say(line: string): void {
  process.stderr.write(`bench: ${line}\n`);
}

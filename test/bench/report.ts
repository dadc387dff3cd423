import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { checkout } from '../e2e/support/checkout.ts';
import type { Cluster } from '../e2e/support/cluster.ts';

export const MODES = ['cold', 'postcopy'] as const;
export const TOOLS = ['godwit', 'bare'] as const;
export type Mode = (typeof MODES)[number];
export type Tool = (typeof TOOLS)[number];

/** One move. Times in milliseconds. */
export interface Sample {
  readonly tool: Tool;
  readonly mode: Mode;
  readonly source: string;
  readonly target: string;
  /** The first round fills caches on every node; it counts for nothing. */
  readonly warmUp: boolean;
  /** From criu's pre-dump at the source to post-resume at the target. */
  readonly downtimeMs: number;
  /** The longest wait for a reply on the one connection. */
  readonly clientGapMs: number;
  /** The whole command, the page phase included. */
  readonly totalMs: number;
  /** What the tool itself tells about its downtime. */
  readonly parts: Readonly<Record<string, number | null>>;
}

const FIGURES = ['downtimeMs', 'clientGapMs', 'totalMs'] as const;

/** Medians of both tools and their ratio, a line for each mode and figure. */
export function table(samples: readonly Sample[]): string {
  const lines = MODES.flatMap((mode) =>
    FIGURES.map((figure) => {
      const [ours, theirs] = TOOLS.map((tool) => medianOf(samples, tool, mode, figure)) as [number, number];
      const ms = (value: number) => `${value.toFixed(0)} ms`.padStart(10);
      return `${mode.padEnd(10)}${figure.padEnd(13)}${ms(ours)}${ms(theirs)}${(ours / theirs).toFixed(2).padStart(8)}`;
    }),
  );
  return ['mode      median of        godwit      bare   ratio', ...lines].join('\n');
}

/** What the bare script's downtime consists of: medians of each part. */
export function bareParts(samples: readonly Sample[]): string {
  const lines = MODES.map((mode) => {
    const bare = counted(samples, 'bare', mode);
    const parts = Object.keys(bare[0]?.parts ?? {}).flatMap((part) => {
      const ms = median(bare.map((sample) => sample.parts[part] ?? Number.NaN));
      return ms === 0 ? [] : [`${part} ${ms.toFixed(0)} ms`];
    });
    return `bare ${mode}: ${parts.join(' + ')}`;
  });
  return lines.join('\n');
}

/** Where and with what it was measured; the nodes have one image. */
export async function surroundings({ lab }: Cluster): Promise<Record<string, unknown>> {
  const { version } = JSON.parse(await readFile(join(checkout, 'package.json'), 'utf8'));
  const commit = await execa('git', ['-C', checkout, 'describe', '--always', '--dirty'], { reject: false });
  const image = await lab.sh('n1', 'cat /etc/godwit-image');
  const execMs: number[] = [];
  for (let time = 0; time < 11; time++) {
    const startMs = performance.now();
    await lab.sh('n1', ':');
    execMs.push(performance.now() - startMs);
  }
  return {
    machine: {
      cpu: cpus()[0]?.model,
      cores: cpus().length,
      memoryBytes: totalmem(),
      kernel: release(),
      loadAtStart: loadavg()[0],
    },
    versions: {
      godwit: version,
      commit: commit.stdout,
      node: process.version,
      image: Object.fromEntries(image.split('\n').map((line) => line.split(' '))),
    },
    // A step of the bare script costs so much; between machines it would be an ssh.
    labExecMs: Math.round(median(execMs) * 10) / 10,
  };
}

/** Writes everything as one document; returns its path. */
export async function save(document: Readonly<Record<string, unknown>>): Promise<string> {
  const dir = join(checkout, 'dist/bench');
  const file = join(dir, 'moves.json');
  await mkdir(dir, { recursive: true });
  await writeFile(file, `${JSON.stringify(document, null, 2)}\n`);
  return file;
}

/** Medians by mode, tool and figure. */
export function medians(samples: readonly Sample[]): Record<string, Record<string, Record<string, number>>> {
  const by = <Key extends string, Value>(keys: readonly Key[], value: (key: Key) => Value) =>
    Object.fromEntries(keys.map((key) => [key, value(key)])) as Record<Key, Value>;
  return by(MODES, (mode) =>
    by(TOOLS, (tool) => by(FIGURES, (figure) => medianOf(samples, tool, mode, figure))),
  );
}

function medianOf(
  samples: readonly Sample[],
  tool: Tool,
  mode: Mode,
  figure: (typeof FIGURES)[number],
): number {
  return median(counted(samples, tool, mode).map((sample) => sample[figure]));
}

function counted(samples: readonly Sample[], tool: Tool, mode: Mode): Sample[] {
  return samples.filter((sample) => !sample.warmUp && sample.tool === tool && sample.mode === mode);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (index: number) => sorted[Math.floor(index)] ?? Number.NaN;
  return (at((sorted.length - 1) / 2) + at(sorted.length / 2)) / 2;
}

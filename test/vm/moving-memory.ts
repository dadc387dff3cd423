import { afterAll, expect } from 'vitest';
import type { MigrateResult, Mode } from '../../protocol/mod.ts';
import type { Cluster } from '../e2e/support/cluster.ts';
import { type Memory, startMemory } from '../e2e/support/memory.ts';
import { tracesOf } from '../e2e/support/node-state.ts';
import { table } from './table.ts';

export const MIB = 1024 * 1024;

/** A container with memory of a known content that moves between n1 and n2, and what each of its moves cost. */
export class MovingMemory {
  readonly name: string;
  readonly mib: number;
  readonly memory: Memory;
  private readonly cluster: Cluster;
  private readonly rows: MoveRow[];
  private at: 'n1' | 'n2' = 'n1';

  /** Starts it on n1. */
  static async start(
    cluster: Cluster,
    wish: { readonly name: string; readonly address: string; readonly mib: number },
    rows: MoveRow[],
  ): Promise<MovingMemory> {
    return new MovingMemory(cluster, wish, await startMemory(cluster, 'n1', wish), rows);
  }

  private constructor(
    cluster: Cluster,
    { name, mib }: { readonly name: string; readonly mib: number },
    memory: Memory,
    rows: MoveRow[],
  ) {
    this.cluster = cluster;
    this.name = name;
    this.mib = mib;
    this.memory = memory;
    this.rows = rows;
  }

  /** Where it is. */
  get node(): string {
    return this.at;
  }

  /** Where it goes next. */
  get other(): string {
    return this.at === 'n1' ? 'n2' : 'n1';
  }

  /**
   * One move to the other node; the memory is right afterwards, and the source keeps no trace.
   * @param options of `godwit migrate`, with blanks between them
   */
  async move(label: string, mode: Mode, options: string): Promise<MigrateResult> {
    const { cluster, name, node: source, other: target, rows } = this;
    const argv = ['migrate', name, target, '--mode', mode, ...options.split(' ')];
    const result = await cluster.json<MigrateResult>(...argv);
    this.at = this.at === 'n1' ? 'n2' : 'n1';
    expect(result).toMatchObject({ outcome: 'done', source, target });
    const { longestGapMs } = await this.expectWhole();
    expect(await tracesOf(cluster, source, name)).toEqual([]);
    rows.push({
      move: label,
      mode: result.mode,
      'MiB a round': result.rounds.map((round) => mebibytes(round.bytes)).join(' '),
      'MiB in all': mebibytes(result.bytes.memory),
      'downtime ms': Math.round(result.downtimeMs ?? -1),
      'gap ms': Math.round(longestGapMs),
      'exposure ms': Math.round(result.exposureMs ?? -1),
      'total ms': Math.round(result.totalMs ?? -1),
    });
    return result;
  }

  /** Every word of every page is what it should be. */
  async expectWhole() {
    const check = await this.memory.check();
    expect(check).toMatchObject({ pages: this.mib * 256, wrong: 0 });
    return check;
  }

  /** Ends the container. */
  async stop(): Promise<void> {
    await this.memory.close();
    expect(await this.cluster.godwit('stop', this.name)).toMatchObject({ exitCode: 0 });
  }
}

/** What one move cost. */
export type MoveRow = Readonly<Record<string, string | number>>;

/** Rows that are printed as a table after the last test of a file. */
export function useMoveTable(): MoveRow[] {
  const rows: MoveRow[] = [];
  afterAll(() => {
    if (rows.length > 0) process.stdout.write(`${table(rows)}\n`);
  });
  return rows;
}

/** Bytes of memory that went over the link after the last round. */
export function bytesOfFinal({ bytes, rounds }: MigrateResult): number {
  return bytes.memory - rounds.reduce((sum, round) => sum + round.bytes, 0);
}

/** With one digit, for people. */
export function mebibytes(bytes: number): number {
  return Math.round((bytes / MIB) * 10) / 10;
}

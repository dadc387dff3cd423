import type { ContainerRecord } from '../../protocol/mod.ts';
import type { CasResult, Records, Versioned } from '../bus/bus.ts';

/**
 * Container records in memory. `answer` scripts the next writes: `unknown-applied` and `unknown-lost` are writes whose
 * answer never came, with and without effect; what is not scripted is answered as NATS would.
 */
export class FakeRecords implements Records {
  private readonly stored = new Map<string, Versioned>();
  private readonly script: ('unknown-applied' | 'unknown-lost')[] = [];
  private revision = 0;

  answer(...next: ('unknown-applied' | 'unknown-lost')[]): void {
    this.script.push(...next);
  }

  /** Writes whatever is there: somebody else's change. */
  put(record: ContainerRecord): Versioned {
    this.revision += 1;
    const versioned = { record, revision: this.revision };
    this.stored.set(record.name, versioned);
    return versioned;
  }

  async get(name: string): Promise<Versioned | undefined> {
    return this.stored.get(name);
  }

  async list(): Promise<Versioned[]> {
    return [...this.stored.values()];
  }

  async create(record: ContainerRecord): Promise<CasResult> {
    return this.write(record.name, 0, () => this.put(record).revision);
  }

  async update(record: ContainerRecord, revision: number): Promise<CasResult> {
    return this.write(record.name, revision, () => this.put(record).revision);
  }

  async remove(name: string, revision: number): Promise<CasResult> {
    return this.write(name, revision, () => {
      this.stored.delete(name);
      this.revision += 1;
      return this.revision;
    });
  }

  async watch(): Promise<{ stop(): Promise<void> }> {
    return { stop: async () => {} };
  }

  private write(name: string, revision: number, apply: () => number): CasResult {
    const scripted = this.script.shift();
    const unknown = { status: 'unknown', problem: 'no answer' } as const;
    if (scripted === 'unknown-lost') return unknown;
    if ((this.stored.get(name)?.revision ?? 0) !== revision) return { status: 'conflict' };
    const written = apply();
    return scripted === 'unknown-applied' ? unknown : { status: 'ok', revision: written };
  }
}

/** A record of a container that runs on n1. */
export function sampleRecord(part: Partial<ContainerRecord> = {}): ContainerRecord {
  const name = part.name ?? 'web';
  return {
    type: 'io.godwit.v1.record',
    name,
    uuid: '6f1b6f0e-6a6e-4a53-9a52-0d1f6a1f6b01',
    owner: 'n1',
    epoch: 1,
    phase: 'running',
    spec: `<domain type='lxc'><name>${name}</name><memory unit='MiB'>64</memory><os><type>exe</type><init>/app</init>
      </os><devices><filesystem type='mount'><source dir='/srv'/><target dir='/'/></filesystem></devices></domain>`,
    ...part,
  };
}

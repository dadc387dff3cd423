import { EventEmitter, once } from 'node:events';
import { parseDomain } from '../../protocol/domain/mod.ts';
import { type ContainerRecord, type DomainSpec, GodwitError } from '../../protocol/mod.ts';
import type { Records, Stoppable, Versioned } from '../bus/bus.ts';

/** A container this node owns: its record at the revision this node last saw, and what its XML means. */
export interface Owned extends Versioned {
  readonly spec: DomainSpec;
}

/**
 * The containers this node owns, each with its subject on the bus for exactly as long: "no responders" is how the
 * cluster learns that nobody owns a container, so adopting and releasing are the only ways in and out.
 */
export class OwnedContainers {
  private readonly owned = new Map<string, Owned>();
  private readonly served = new Map<string, Promise<Stoppable>>();
  private readonly busy = new Map<string, string>();
  private readonly releases = new EventEmitter().setMaxListeners(0);
  private readonly records: Records;
  private readonly serve: (name: string) => Promise<Stoppable>;

  constructor(records: Records, serve: (name: string) => Promise<Stoppable>) {
    this.records = records;
    this.serve = serve;
  }

  list(): Owned[] {
    return [...this.owned.values()];
  }

  /** @throws GodwitError CONTAINER_NOT_FOUND */
  get(name: string): Owned {
    const found = this.owned.get(name);
    if (!found) throw new GodwitError('CONTAINER_NOT_FOUND', { container: name });
    return found;
  }

  has(name: string): boolean {
    return this.owned.has(name);
  }

  /** The record names this node: answer for the container from now on. */
  async adopt(versioned: Versioned): Promise<Owned> {
    const { record } = versioned;
    const owned = { ...versioned, spec: parseDomain(record.spec, { file: `record of ${record.name}` }) };
    this.owned.set(record.name, owned);
    const serving = this.served.get(record.name) ?? this.serve(record.name);
    this.served.set(record.name, serving);
    await serving;
    return owned;
  }

  /** The record names somebody else, or is gone: be silent. */
  async release(name: string): Promise<void> {
    this.owned.delete(name);
    const serving = this.served.get(name);
    this.served.delete(name);
    await (await serving)?.stop();
  }

  /**
   * Changes the record by CAS at the revision last seen; a lost race is read again and tried once more as long as
   * this node still owns the container.
   * @throws GodwitError RECORD_CONFLICT, STORE_UNAVAILABLE, CONTAINER_NOT_FOUND
   */
  async change(name: string, patch: (record: ContainerRecord) => ContainerRecord): Promise<Owned> {
    for (let attempt = 0; attempt < 3; attempt++) {
      const { record, revision, spec } = this.get(name);
      const next = patch(record);
      const result = await this.records.update(next, revision);
      if (result.status === 'ok') {
        const owned = { record: next, revision: result.revision, spec };
        if (this.owned.has(name)) this.owned.set(name, owned);
        return owned;
      }
      const seen = await this.records.get(name);
      if (!seen || seen.record.owner !== record.owner || seen.record.epoch !== record.epoch) break;
      this.owned.set(name, { ...seen, spec });
    }
    throw new GodwitError('RECORD_CONFLICT', { container: name });
  }

  /**
   * Looks at the record anew: a node that repairs what a crash left writes the record again as it is (ADR 0009), and a
   * CAS at the revision before that loses. A store that does not answer changes nothing. @throws GodwitError CONTAINER_NOT_FOUND
   */
  async refresh(name: string): Promise<Owned> {
    const seen = await this.records.get(name).catch((error: unknown) => {
      if (error instanceof GodwitError) return undefined;
      throw error;
    });
    const { owner, epoch } = this.get(name).record;
    if (seen?.record.owner === owner && seen.record.epoch === epoch) this.saw(name, seen);
    return this.get(name);
  }

  /** Remembers a revision that somebody wrote on this node's behalf (the handover's own CAS). */
  saw(name: string, versioned: Versioned): void {
    const known = this.owned.get(name);
    if (known && versioned.revision > known.revision) this.owned.set(name, { ...known, ...versioned });
  }

  /** One operation at a time for each container. @throws GodwitError CONTAINER_BUSY */
  async exclusively<Result>(name: string, job: string, action: () => Promise<Result>): Promise<Result> {
    const release = this.claim(name, job);
    try {
      return await action();
    } finally {
      release();
    }
  }

  /** Marks the container as busy until the returned function is called. @throws GodwitError CONTAINER_BUSY */
  claim(name: string, job: string): () => void {
    const holder = this.busy.get(name);
    if (holder) throw new GodwitError('CONTAINER_BUSY', { container: name, job: holder });
    this.busy.set(name, job);
    return () => {
      this.busy.delete(name);
      this.releases.emit(releaseOf(name));
    };
  }

  /** Resolves when the present holder has let go of the container. */
  async released(name: string): Promise<void> {
    if (this.busy.has(name)) await once(this.releases, releaseOf(name));
  }

  holder(name: string): string | undefined {
    return this.busy.get(name);
  }
}

/** Not the bare name: `error` means something else to an emitter. */
function releaseOf(name: string): string {
  return `release of ${name}`;
}

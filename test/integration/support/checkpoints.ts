import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import {
  CheckpointReply,
  type CheckpointRequest,
  CheckpointsReply,
  type Job,
  RestoreReply,
  type RestoreRequest,
} from '../../../protocol/mod.ts';
import { type MoveLab, startMoveLab, words } from './moves.ts';

/** Two nodes that share a store. */
export interface StoreLab extends AsyncDisposable {
  readonly lab: MoveLab;
  readonly dir: string;
  /** Puts a container into the store; resolves with the job's id. */
  save(name: string, request?: Partial<CheckpointRequest>): Promise<string>;
  /** The same to its end, which must be good; resolves with the checkpoint's id. */
  saved(name: string, request?: Partial<CheckpointRequest>): Promise<string>;
  /** Asks a node to restore; resolves with the job's id. */
  restore(node: string, container: string, request?: Partial<RestoreRequest>): Promise<string>;
  restored(node: string, container: string, request?: Partial<RestoreRequest>): Promise<Job>;
  list(node: string, container?: string): Promise<CheckpointsReply>;
  /** Names of everything in a container's part of the store, half ones included. */
  entries(name: string): string[];
  /** The record's owner, epoch and phase. */
  record(name: string): Promise<unknown>;
}

const ASK = { timeoutMs: 15_000 };

/**
 * @param chain so many checkpoints may build on each other
 * @param replaced so many of what restores replace stay; all of it without
 */
export async function startStoreLab(chain = 3, replaced?: number): Promise<StoreLab> {
  const dir = mkdtempSync(join(tmpdir(), 'godwit-shared-'));
  const lab = await startMoveLab({ checkpoints: { dir, compression: 'zstd', chain, replaced } });
  const { bus } = lab;
  const save: StoreLab['save'] = async (name, request = {}) => {
    const body = { type: 'io.godwit.v1.container.checkpoint.request', unsafe: true, ...request };
    return CheckpointReply.parse(await bus.request(words.container(name, 'checkpoint'), body, ASK)).job;
  };
  const restore: StoreLab['restore'] = async (node, container, request = {}) => {
    const body = { type: 'io.godwit.v1.node.restore.request', container, unsafe: true, ...request };
    return RestoreReply.parse(await bus.request(words.node(node, 'restore'), body, ASK)).job ?? '';
  };
  return {
    lab,
    dir,
    save,
    restore,
    saved: async (name, request) => {
      const job = await lab.ended(await save(name, request));
      if (job.outcome !== 'done') throw new Error(JSON.stringify(job.error));
      return job.checkpoint?.id ?? '';
    },
    restored: async (node, container, request) => lab.ended(await restore(node, container, request)),
    list: async (node, container) => {
      const body = { type: 'io.godwit.v1.node.checkpoints.request', container };
      return CheckpointsReply.parse(await bus.request(words.node(node, 'checkpoints'), body, ASK));
    },
    entries: (name) => readdirSync(join(dir, name)).sort(),
    record: async (name) => {
      const seen = (await bus.records.get(name))?.record;
      return seen && { owner: seen.owner, epoch: seen.epoch, phase: seen.phase };
    },
    [Symbol.asyncDispose]: async () => {
      await lab[Symbol.asyncDispose]();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** What a test has for itself. */
export interface OwnContainer {
  readonly store: StoreLab;
  /** It runs on the source. */
  readonly name: string;
  /** Of its one task. */
  readonly pid: number | undefined;
}

/** One store for all tests of a file; each is told of a container of its own before it begins. */
export function useStoreLab(tell: (own: OwnContainer) => void): void {
  let store: StoreLab;
  let count = 0;
  beforeAll(async () => {
    store = await startStoreLab();
  });
  beforeEach(async () => {
    const { source, target, run } = store.lab;
    for (const node of [source, target]) node.behave();
    count += 1;
    const name = `c${count}`;
    await run(name);
    tell({ store, name, pid: source.tasks(name)[0] });
  });
  afterAll(() => store[Symbol.asyncDispose]());
}

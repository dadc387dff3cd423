import { describe, expect, it } from 'vitest';
import {
  CheckpointDigest,
  CheckpointList,
  CheckpointResult,
  GodwitError,
  type Job,
  RestoreResult,
} from '../../protocol/mod.ts';
import { containerInfo, endedJob } from '../support/messages.ts';
import { useCli } from './support/cli-scene.ts';

const scene = useCli();
const { godwit, answerAll } = scene;
const ID = '20261130-062233-abcdef';
const DIGEST = CheckpointDigest.parse({
  id: ID,
  container: 'web',
  uuid: '6f1b6f0e-6a6e-4a53-9a52-0d1f6a1f6b01',
  node: 'n1',
  createdAtMs: Date.UTC(2026, 10, 30, 6, 22, 33),
  trigger: 'operator',
  leftRunning: true,
  compression: 'zstd',
  files: 27,
  bytes: 268_435_456,
  storedBytes: 16_777_216,
  addresses: ['10.77.1.5/16'],
});

/** A job of the store as it ended on node n1. */
function stored(kind: 'checkpoint' | 'restore', part: Partial<Job> = {}): Job {
  const checkpoint = { id: ID, storedBytes: 16_777_216 };
  const { downtimeMs: _downtime, exposureMs: _exposure, freezeMs: _freeze, ...job } = endedJob('done');
  return { ...job, kind, target: 'n1', mode: 'cold', modeReason: 'so it was asked', checkpoint, ...part };
}

/** The owner, or the node that restores, takes the job, and its end follows at once. */
async function accepting(verb: 'checkpoint' | 'restore', job: Job): Promise<void> {
  const { cluster } = scene;
  const subject =
    verb === 'checkpoint' ? cluster.subjects.container('web', verb) : cluster.subjects.node('n1', verb);
  const reply = { type: `io.godwit.v1.${verb === 'checkpoint' ? 'container' : 'node'}.${verb}` };
  await cluster.answer(subject, () => {
    void cluster.publishJob('ended', job);
    return { ...reply, container: 'web', node: 'n1', job: 'j1', checkpoint: DIGEST };
  });
}

const asked = (subject: string) =>
  scene.cluster.requests.filter((request) => request.subject === subject).map(({ body }) => body);

describe('checkpoint', () => {
  it('sends every flag and sums up', async () => {
    await accepting('checkpoint', stored('checkpoint', { downtimeMs: 180, resumedAtMs: 1_700_000_000_500 }));
    const flags = [
      '--leave-running',
      '--compression',
      'zlib',
      '--timeout',
      '1m',
      '--unsafe',
      '--no-directories',
    ];
    const { code, stdout } = await godwit('checkpoint', 'web', ...flags);
    expect(code).toBe(0);
    expect(stdout).toBe(
      `web is in the store as ${ID}, after 3.2 s\n  container: runs on\n  downtime:  180 ms\n` +
        '  size:      257.1 MiB, 16.0 MiB in the store\n  job:       j1\n',
    );
    expect(asked(scene.cluster.subjects.container('web', 'checkpoint'))).toMatchObject([
      { leaveRunning: true, directories: false, compression: 'zlib', timeoutMs: 60_000, unsafe: true },
    ]);
  });

  it('ends with its document with --json, and with the exit code of its outcome', async () => {
    await accepting('checkpoint', stored('checkpoint'));
    const done = await godwit('checkpoint', 'web', '--json');
    expect(CheckpointResult.parse(JSON.parse(done.stdout))).toMatchObject({
      checkpoint: ID,
      downtimeMs: null,
    });
    const error = { ...new GodwitError('CHECKPOINT_FAILED', { container: 'web', problem: 'full' }).toWire() };
    await accepting('checkpoint', stored('checkpoint', { outcome: 'failed', error }));
    const failed = await godwit('checkpoint', 'web');
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain("the checkpoint of 'web' could not be written: full");
    expect(failed.stderr).toContain('job j1: checkpoint of web, failed');
  });

  it('prints the id of the job with --detach', async () => {
    await accepting('checkpoint', stored('checkpoint'));
    expect((await godwit('checkpoint', 'web', '--detach')).stdout).toBe('j1\n');
  });
});

describe('restore', () => {
  it('asks the owner of the container, or the node that is named', async () => {
    const { cluster } = scene;
    await cluster.answer(cluster.subjects.container('web', 'info'), containerInfo());
    await accepting('restore', stored('restore', { resumedAtMs: 1_700_000_003_000 }));
    const done = await godwit('restore', 'web');
    expect(done.code).toBe(0);
    expect(done.stdout).toMatch(new RegExp(`^web runs on n1 again, from ${ID}, after 3.2 s\n`));
    const flags = [
      '--from',
      ID,
      '--node',
      'n1',
      '--as',
      'twin',
      '--root',
      '/srv/twin',
      '--force',
      '--unsafe',
    ];
    const json = await godwit('restore', 'web', ...flags, '--json');
    expect(RestoreResult.parse(JSON.parse(json.stdout))).toMatchObject({ checkpoint: ID, outcome: 'done' });
    expect(asked(cluster.subjects.node('n1', 'restore'))).toMatchObject([
      { container: 'web', force: false, unsafe: false },
      { container: 'web', checkpoint: ID, as: 'twin', root: '/srv/twin', force: true, unsafe: true },
    ]);
  });

  it('says in a dry run what stands in the way, with exit code 8', async () => {
    const { cluster } = scene;
    const refusals = [
      { code: 'ADDRESS_IN_USE', message: 'taken', hint: 'Change it.', node: 'n1', overridable: false },
    ];
    const reply = {
      type: 'io.godwit.v1.node.restore',
      container: 'web',
      node: 'n1',
      checkpoint: DIGEST,
      refusals,
    };
    await cluster.answer(cluster.subjects.node('n1', 'restore'), reply);
    const { code, stdout } = await godwit('restore', 'web', '--node', 'n1', '--dry-run');
    expect(code).toBe(8);
    expect(stdout).toContain('verdict:    1 reason(s) against it\n  - n1: ADDRESS_IN_USE: taken\n');
  });

  it('does not guess how a restore ended whose node has forgotten it', async () => {
    const { cluster } = scene;
    await cluster.answer(cluster.subjects.container('web', 'info'), containerInfo());
    const reply = {
      type: 'io.godwit.v1.node.restore',
      container: 'web',
      node: 'n1',
      checkpoint: DIGEST,
      job: 'j1',
    };
    await cluster.answer(cluster.subjects.node('n1', 'restore'), reply);
    const { code, stderr } = await godwit('restore', 'web', '--node', 'n1');
    expect(code).toBe(1);
    expect(stderr).toContain('the restore was aborted: n1 no longer knows the job');
  });
});

describe('checkpoints', () => {
  it('lists those of one node, newest first as they come, and tells what is damaged', async () => {
    const { cluster } = scene;
    await answerAll();
    const list = { type: 'io.godwit.v1.node.checkpoints', node: 'n2', items: [DIGEST], damaged: [] };
    await cluster.answer(cluster.subjects.node('n2', 'checkpoints'), list);
    const { code, stdout } = await godwit('checkpoints', 'web');
    expect(code).toBe(0);
    expect(stdout).toBe(
      'CHECKPOINT              CONTAINER  NODE  MADE        AT        BY             SIZE    STORED\n' +
        `${ID}  web        n1    2026-11-30  06:22:33  operator  256.0 MiB  16.0 MiB\n`,
    );
    expect(asked(cluster.subjects.node('n2', 'checkpoints'))).toMatchObject([{ container: 'web' }]);
    await cluster.answer(cluster.subjects.node('n1', 'checkpoints'), {
      ...list,
      damaged: [{ id: 'c9', problem: 'torn' }],
    });
    const damaged = await godwit('checkpoints', 'ls', '--node', 'n1', '--json');
    expect(CheckpointList.parse(JSON.parse(damaged.stdout)).items).toEqual([DIGEST]);
    expect(damaged.code).toBe(8);
    expect(damaged.stderr).toContain('torn');
  });

  it('verifies and deletes several, and goes on after one that is damaged', async () => {
    const { cluster } = scene;
    const error = new GodwitError('CHECKPOINT_DAMAGED', {
      checkpoint: 'c9',
      file: 'pages-1.img',
      problem: 'torn',
    });
    await cluster.answer(cluster.subjects.node('n1', 'checkpoint-verify'), (({
      checkpoint,
    }: {
      checkpoint: string;
    }) =>
      checkpoint === 'c9'
        ? error
        : { type: 'io.godwit.v1.node.checkpoint-verify', checkpoint: DIGEST, durationMs: 30 }) as never);
    const verified = await godwit('checkpoints', 'verify', 'c9', ID, '--node', 'n1');
    expect(verified.code).toBe(8);
    expect(verified.stdout).toBe(`${ID} is whole: 27 files, 16.0 MiB looked at in 30 ms\n`);
    expect(verified.stderr).toContain('the checkpoint c9 is damaged: pages-1.img: torn');
    await cluster.answer(cluster.subjects.node('n1', 'checkpoint-delete'), { type: 'io.godwit.v1.ok' });
    expect((await godwit('checkpoints', 'delete', ID, '--node', 'n1')).stdout).toBe(`${ID} is deleted\n`);
  });

  it('prunes by number and age, and refuses to without either', async () => {
    const { cluster } = scene;
    const reply = { type: 'io.godwit.v1.node.checkpoint-prune', items: [DIGEST] };
    await cluster.answer(cluster.subjects.node('n1', 'checkpoint-prune'), reply);
    const flags = ['--keep', '3', '--max-age', '48h', '--dry-run', '--node', 'n1'];
    expect((await godwit('checkpoints', 'prune', 'web', ...flags, '-o', 'name')).stdout).toBe(`${ID}\n`);
    expect(asked(cluster.subjects.node('n1', 'checkpoint-prune'))).toMatchObject([
      { container: 'web', keep: 3, maxAgeMs: 172_800_000, dryRun: true },
    ]);
    expect((await godwit('checkpoints', 'prune', 'web', '--node', 'n1')).code).toBe(2);
  });
});

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ContainerRecord, RecordJob } from '../../../protocol/mod.ts';
import { job } from '../../support/messages.ts';
import { type MoveLab, startMoveLab, words } from '../support/moves.ts';

let lab: MoveLab;
beforeEach(async () => {
  lab = await startMoveLab();
});
afterEach(() => lab[Symbol.asyncDispose]());

const OUT: RecordJob = { id: 'gone', source: 'n1', target: 'n2', mode: 'cold' };
const IN: RecordJob = { id: 'gone', source: 'n2', target: 'n1', mode: 'cold' };

/** Changes the record of `app` while the agent of n1 is down: what a power cut in the middle of a move leaves. */
async function found(
  change: Partial<ContainerRecord>,
  alter: () => void | Promise<void> = () => {},
): Promise<void> {
  await lab.run('app');
  await lab.source.stop();
  const seen = await lab.bus.records.get('app');
  if (!seen) throw new Error('there is no record');
  expect(await lab.bus.records.update({ ...seen.record, ...change }, seen.revision)).toMatchObject({
    status: 'ok',
  });
  await alter();
  await lab.source.start();
}

const record = async () => (await lab.bus.records.get('app'))?.record;
const stopTasks = async () => {
  for (const pid of lab.source.tasks('app')) process.kill(pid, 'SIGKILL');
  await expect.poll(() => lab.source.tasks('app')).toEqual([]);
};
const defined = () => existsSync(join(lab.source.dir, 'lxc/app'));

describe('a record in the middle of a move that nobody has notes of', () => {
  it('is taken out of a move that was not committed; what is frozen runs on', async () => {
    await found({ phase: 'switching', job: OUT }, () =>
      writeFileSync(join(lab.source.dir, 'lxc/app/cgroup/freezer.state'), 'FROZEN\n'),
    );
    await expect.poll(() => lab.source.freezer('app')).toBe('THAWED');
    expect(await record()).toMatchObject({ owner: 'n1', epoch: 1, phase: 'running' });
    expect((await record())?.job).toBeUndefined();
    expect((await lab.info('app')).container).toMatchObject({ state: 'running' });
  });

  it('says stopped when the power cut took the tasks', async () => {
    await found({ phase: 'switching', job: OUT }, stopTasks);
    await expect.poll(async () => (await record())?.phase).toBe('stopped');
  });

  it('is in doubt when a commit gave it to this node and nothing is here, then lost: the source has no copy', async () => {
    await found({ epoch: 2, phase: 'resuming', job: IN }, stopTasks);
    expect(await record()).toMatchObject({ owner: 'n1', phase: 'in-doubt' });
    const start = { type: 'io.godwit.v1.container.start.request' };
    const starting = lab.bus.request(words.container('app', 'start'), start);
    await expect(starting).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    await expect.poll(async () => (await record())?.phase, { timeout: 20_000 }).toBe('lost');
    expect((await record())?.job).toBeUndefined();
  });
});

describe('an operator who settles what is lost here', () => {
  const resolve = (name: string, keep: string, force = false) =>
    lab.bus.request(words.container(name, 'resolve'), {
      type: 'io.godwit.v1.container.resolve.request',
      job: 'gone',
      keep,
      force,
    });

  it('gives it up: nobody holds a copy of it', async () => {
    await found({ epoch: 2, phase: 'lost', job: IN }, stopTasks);
    const start = { type: 'io.godwit.v1.container.start.request' };
    const starting = lab.bus.request(words.container('app', 'start'), start);
    await expect(starting).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    await expect(resolve('app', 'n2')).rejects.toMatchObject({ code: 'JOB_STATE' });
    await resolve('app', 'n1');
    expect(await record()).toMatchObject({ owner: 'n1', epoch: 2, phase: 'stopped' });
    expect((await record())?.job).toBeUndefined();
    await lab.bus.request(words.container('app', 'start'), start);
    expect((await lab.info('app')).container).toMatchObject({ state: 'running', phase: 'running' });
  });

  it('has to vouch for a source that does not answer', async () => {
    await found({ epoch: 2, phase: 'lost', job: { ...IN, source: 'dark' } }, stopTasks);
    await expect(resolve('app', 'n1')).rejects.toMatchObject({ code: 'JOB_STATE' });
    await resolve('app', 'n1', true);
    expect(await record()).toMatchObject({ owner: 'n1', phase: 'stopped' });
  });
});

it('an operator may keep a container at a source that has no copy of it any more, by force: it is stopped there', async () => {
  await lab.target.stop();
  await found({ owner: 'n2', epoch: 2, phase: 'lost', job: OUT }, async () => {
    await stopTasks();
    const kept = job({ job: 'gone', container: 'app', node: 'n1', source: 'n1', target: 'n2' });
    mkdirSync(join(lab.source.dir, 'state/jobs'), { recursive: true });
    writeFileSync(join(lab.source.dir, 'state/jobs/gone.json'), JSON.stringify(kept));
  });
  await lab.target.start();
  await expect.poll(async () => (await lab.job('gone')).outcome, { timeout: 20_000 }).toBe('lost');
  const resolve = (force: boolean) =>
    lab.bus.request(words.job('gone', 'resolve'), {
      type: 'io.godwit.v1.job.resolve.request',
      keep: 'n1',
      force,
    });
  await expect(resolve(false)).rejects.toMatchObject({ code: 'JOB_STATE' });
  await resolve(true);
  expect(await record()).toMatchObject({ owner: 'n1', epoch: 3, phase: 'stopped' });
  expect((await record())?.job).toBeUndefined();
  expect(await lab.job('gone')).toMatchObject({ outcome: 'lost', resolved: { keep: 'n1', force: true } });
});

describe('what is here of a container that another node owns', () => {
  it('is cleared away when nothing runs', async () => {
    await found({ owner: 'n2', epoch: 2 }, stopTasks);
    await expect.poll(defined).toBe(false);
  });

  it('is frozen when it runs', async () => {
    await found({ owner: 'n2', epoch: 2 });
    await expect.poll(() => lab.source.freezer('app')).toBe('FROZEN');
    expect(lab.source.tasks('app')).toHaveLength(1);
  });
});

describe('a container of this node, part of no move', () => {
  it('is defined again when its description is gone', async () => {
    await found({}, async () => {
      await stopTasks();
      rmSync(join(lab.source.dir, 'lxc/app/config'));
    });
    await expect.poll(() => existsSync(join(lab.source.dir, 'lxc/app/config'))).toBe(true);
  });

  it('runs on, whatever the record said', async () => {
    await found({ phase: 'stopped' });
    await expect.poll(async () => (await record())?.phase).toBe('running');
    expect(lab.source.freezer('app')).toBe('THAWED');
  });
});

it('a job directory without notes goes, with the programs at work in it', async () => {
  await lab.source.stop();
  const dir = join(lab.source.dir, 'run/jobs/old/source');
  mkdirSync(dir, { recursive: true });
  const child = spawn('/bin/sh', ['-c', 'sleep 300; :', `${dir}/criu`], { argv0: 'criu', stdio: 'ignore' });
  const other = spawn('/bin/sh', ['-c', 'sleep 300; :', `${lab.source.dir}/other`], { stdio: 'ignore' });
  await lab.source.start();
  await expect.poll(() => lab.source.leftovers('old'), { timeout: 20_000 }).toEqual([]);
  expect(child.exitCode ?? child.signalCode).not.toBeNull();
  expect(other.exitCode ?? other.signalCode).toBeNull();
  other.kill('SIGKILL');
});

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Job, MigrateResult } from '../../protocol/mod.ts';
import { container, containerInfo, endedJob, job, migrateReply } from '../support/messages.ts';
import { useCli } from './support/cli-scene.ts';
import { fakeCluster } from './support/fake-cluster.ts';
import { startNats } from './support/nats.ts';

const scene = useCli();
const { godwit, start, accepting } = scene;
const info = (value: Job) => ({ type: 'io.godwit.v1.job.info', job: value });

describe('a job whose events get lost', () => {
  it('is asked for, so that nothing hangs', async () => {
    await scene.cluster.answer(scene.cluster.subjects.container('web', 'migrate'), migrateReply());
    await scene.cluster.answer(scene.cluster.subjects.job('j1', 'info'), info(endedJob('done')));
    const { code, stdout } = await godwit('migrate', 'web', 'n2');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^web moved/);
  });

  it('ignores garbage on the event subjects', async () => {
    await scene.cluster.answer(scene.cluster.subjects.container('web', 'migrate'), () => {
      void scene.cluster.publishRaw(scene.cluster.subjects.event('job', 'j1'), '{"specversion":"1.0"');
      void scene.cluster.publishRaw(
        scene.cluster.subjects.event('job', 'j1'),
        '{"data":{"job":{"job":"j1","state":"ended"}}}',
      );
      void scene.cluster.publishJob('ended', endedJob('failed', { job: 'other' }));
      void scene.cluster.publishJob('ended', endedJob('done'));
      return migrateReply();
    });
    expect((await godwit('migrate', 'web', 'n2')).code).toBe(0);
  });

  it('is done when its node is gone and the target owns the running container', async () => {
    await scene.cluster.answer(scene.cluster.subjects.container('web', 'migrate'), migrateReply());
    const moved = containerInfo({ container: container({ owner: 'n2', epoch: 4 }) });
    await scene.cluster.answer(scene.cluster.subjects.container('web', 'info'), moved);
    const { code, stdout, stderr } = await godwit('migrate', 'web', 'n2', '--json');
    expect(code).toBe(0);
    expect(MigrateResult.parse(JSON.parse(stdout))).toMatchObject({ outcome: 'done', downtimeMs: null });
    expect(stderr).toMatch(/n1, which runs job j1, does not answer .*still trying/);
  });

  it('has failed when the source came back and knows nothing of it', async () => {
    await scene.cluster.answer(scene.cluster.subjects.container('web', 'migrate'), migrateReply());
    await scene.cluster.answer(scene.cluster.subjects.container('web', 'info'), containerInfo());
    const { code, stderr } = await godwit('migrate', 'web', 'n2');
    expect(code).toBe(1);
    expect(stderr).toContain("n1 no longer knows the job; n1 owns 'web' (phase running, running)");
  });

  it('has not failed because its node is slow to answer', async () => {
    await scene.cluster.answer(scene.cluster.subjects.container('web', 'migrate'), migrateReply());
    await scene.cluster.answer(scene.cluster.subjects.container('web', 'info'), containerInfo());
    await scene.cluster.answer(scene.cluster.subjects.job('j1', 'info'), undefined);
    const run = start(['migrate', 'web', 'n2']);
    await run.wrote(/still trying/);
    await scene.cluster.publishJob('ended', endedJob('done'));
    expect((await run.ended).code).toBe(0);
  });

  it('goes on when its node answers again', async () => {
    await scene.cluster.answer(scene.cluster.subjects.container('web', 'migrate'), migrateReply());
    const run = start(['migrate', 'web', 'n2']);
    await run.wrote(/still trying/);
    await scene.cluster.answer(scene.cluster.subjects.job('j1', 'info'), info(job()));
    await run.wrote(/n1 answers again/);
    await scene.cluster.publishJob('ended', endedJob('done'));
    expect((await run.ended).code).toBe(0);
  });

  it('is unknown, exit 9, when its node stays silent beyond the deadline', async () => {
    await scene.cluster.answer(scene.cluster.subjects.container('web', 'migrate'), migrateReply());
    const switching = containerInfo({ container: container({ phase: 'switching', state: 'frozen' }) });
    await scene.cluster.answer(scene.cluster.subjects.container('web', 'info'), switching);
    const { code, stdout, stderr } = await godwit('migrate', 'web', 'n2', '--timeout', '1s', '--json');
    expect(code).toBe(9);
    expect(MigrateResult.parse(JSON.parse(stdout))).toMatchObject({ job: 'j1', outcome: 'in-doubt' });
    expect(stderr).toContain('OUTCOME_UNKNOWN');
    expect(stderr).toContain('phase switching, frozen');
  });
});

describe('a bus that goes away during a move', () => {
  it('is waited for: the move goes on without us', async () => {
    await using fragile = await startNats();
    await using agents = await fakeCluster(fragile.url);
    await agents.answer(agents.subjects.container('web', 'migrate'), migrateReply());
    let ended = false;
    await agents.answer(agents.subjects.job('j1', 'info'), () => info(ended ? endedJob('done') : job()));
    const run = start(['migrate', 'web', 'n2'], { NATS_URL: fragile.url });
    await run.wrote(/preflight on n1/);
    await fragile.kill('SIGKILL');
    await run.wrote(/does not answer/);
    ended = true;
    await fragile.start();
    const { code, stdout } = await run.ended;
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringMatching(/^web moved/) });
  });

  it('ends with exit 9 when it does not come back', async () => {
    await using fragile = await startNats();
    await using agents = await fakeCluster(fragile.url);
    await agents.answer(agents.subjects.container('web', 'migrate'), migrateReply());
    await agents.answer(agents.subjects.job('j1', 'info'), info(job()));
    const run = start(['migrate', 'web', 'n2', '--timeout', '1s'], { NATS_URL: fragile.url });
    await run.wrote(/preflight on n1/);
    await fragile.kill('SIGKILL');
    const { code, stderr } = await run.ended;
    expect(code).toBe(9);
    expect(stderr).toMatch(/^godwit: the outcome for 'web' is unknown: [^\n]+\nhint: [^\n]+\n$/m);
  });
});

describe('Ctrl-C', () => {
  it('detaches from a move and says how to abort it', async () => {
    await accepting(job());
    const run = start(['migrate', 'web', 'n2']);
    await run.wrote(/preflight on n1/);
    run.interrupt();
    const { code, signal, stdout, stderr } = await run.ended;
    expect({ code, signal, stdout }).toEqual({ code: 130, signal: null, stdout: '' });
    expect(stderr).toMatch(/godwit: detached; job j1 goes on\nhint: abort it with `godwit job abort j1`/);
    expect(scene.cluster.requests.map(({ subject }) => subject)).not.toContain(
      scene.cluster.subjects.job('j1', 'abort'),
    );
  });

  it('detaches before the move was accepted, too', async () => {
    const asked = new Promise<void>((resolve) => {
      void scene.cluster.answer(scene.cluster.subjects.container('web', 'migrate'), () => {
        resolve();
        return undefined;
      });
    });
    await scene.cluster.nats.flush();
    const run = start(['migrate', 'web', 'n2']);
    await asked;
    run.interrupt();
    const { code, stderr } = await run.ended;
    expect(code).toBe(130);
    expect(stderr).toContain('`godwit job ls` shows it');
  });

  it('ends job watch, which writes NDJSON and the result at the end', async () => {
    await scene.cluster.answer(scene.cluster.subjects.job('j1', 'info'), info(job()));
    const watch = start(['job', 'watch', 'j1']);
    await watch.wrote(/preflight on n1/);
    watch.interrupt();
    expect((await watch.ended).code).toBe(130);

    const stream = start(['job', 'watch', 'j1', '--json']);
    await stream.wrote(/"j1"/);
    await scene.cluster.publishJob('ended', endedJob('aborted'));
    const { code, stdout } = await stream.ended;
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ type }) => type)).toEqual([
      'io.godwit.v1.job',
      'io.godwit.v1.job',
      'io.godwit.v1.migrate-result',
    ]);
    expect(code).toBe(1);
  });
});

describe('job show', () => {
  const startedAtMs = 1_700_000_000_000;
  const times = { startMs: startedAtMs + 100, endMs: startedAtMs + 300 };
  const moved = endedJob('done', { startedAtMs, phases: [{ name: 'dump', node: 'n1', ...times }] });

  it('draws the phases of both nodes over time when asked to', async () => {
    await scene.cluster.answer(scene.cluster.subjects.job('j1', 'info'), info(moved));
    expect((await godwit('job', 'show', 'j1')).stdout).not.toContain('###');
    const { code, stdout } = await godwit('job', 'show', 'j1', '--timeline');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^job: +j1$[\s\S]*^n1 dump \| +#+\| +200 ms$/m);
  });

  it('writes them as a picture, and says which file it could not write', async () => {
    await scene.cluster.answer(scene.cluster.subjects.job('j1', 'info'), info(moved));
    const dir = await mkdtemp(join(tmpdir(), 'godwit-svg-'));
    try {
      const file = join(dir, 'move.svg');
      expect((await godwit('job', 'show', 'j1', '--svg', file)).code).toBe(0);
      expect(await readFile(file, 'utf8')).toMatch(/^<svg [\s\S]*n1 dump[\s\S]*<\/svg>\n$/);
      const refused = await godwit('job', 'show', 'j1', '--svg', join(file, 'below'));
      expect(refused).toMatchObject({ code: 2, stdout: '' });
      expect(refused.stderr).toContain(`--svg ${file}/below: ENOTDIR`);
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});

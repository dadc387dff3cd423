import { describe, expect, it } from 'vitest';
import { DoctorList, GodwitError, Job, JobList, NodeInfo, NodeList } from '../../protocol/mod.ts';
import { container, doctorReply, endedJob, job, nodeInfo } from '../support/messages.ts';
import { runCli } from './support/cli.ts';
import { expectOneLine, useCli } from './support/cli-scene.ts';

const scene = useCli();
const { run, answerAll } = scene;

describe('node', () => {
  it('ls lists them in order, with versions when wide', async () => {
    await answerAll();
    const { stdout } = await run(['node', 'ls']);
    expect(stdout.split('\n').map((line) => line.split(/ +/)[0])).toEqual(['NODE', 'n1', 'n2', '']);
    expect((await run(['node', 'ls', '-o', 'wide'])).stdout).toMatch(/ VERSION +CRIU +LXC +KERNEL /);
    expect(NodeList.parse(JSON.parse((await run(['node', 'ls', '--json'])).stdout)).items).toHaveLength(2);
  });

  it('show tells one', async () => {
    const info = nodeInfo('n1', { notes: ['two nodes: the records live on n1 only'] });
    await scene.cluster.answer(scene.cluster.subjects.node('n1', 'info'), info);
    const { stdout } = await run(['node', 'show', 'n1']);
    expect(stdout).toMatch(/^criu: +4\.2\.1$/m);
    expect(stdout).toMatch(/^note: +two nodes: the records live on n1 only$/m);
    expect(NodeInfo.parse(JSON.parse((await run(['node', 'show', 'n1', '--json'])).stdout))).toEqual(info);
  });

  it('cordon and uncordon change the state', async () => {
    await scene.cluster.answer(
      scene.cluster.subjects.node('n1', 'cordon'),
      nodeInfo('n1', { state: 'cordoned' }),
    );
    await scene.cluster.answer(scene.cluster.subjects.node('n1', 'uncordon'), nodeInfo('n1'));
    expect((await run(['node', 'cordon', 'n1'])).stdout).toMatch(/^n1 +cordoned /m);
    expect((await run(['node', 'uncordon', 'n1', '-o', 'name'])).stdout).toBe('n1\n');
    expectOneLine(await run(['node', 'cordon', 'n9']), 3, /no node named 'n9' answers/);
  });
});

describe('doctor', () => {
  it('shows each check with its mark and cure; exit 0 without a failed one', async () => {
    await scene.cluster.answer(scene.cluster.subjects.node('n1', 'doctor'), doctorReply('n1'));
    const { code, stdout, stderr } = await run(['doctor', 'n1']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(
      'n1\n  ok    criu: criu 4.2.1 (12 ms)\n' +
        '  warn  dirty tracking: not there (3 ms)\n        cure: no pre-copy\n',
    );
  });

  it('asks every node, and exits 1 when one check failed', async () => {
    await answerAll();
    await scene.cluster.answer(scene.cluster.subjects.node('n1', 'doctor'), doctorReply('n1'));
    await scene.cluster.answer(scene.cluster.subjects.node('n2', 'doctor'), doctorReply('n2', true));
    const { code, stdout } = await run(['doctor', '--json']);
    expect(code).toBe(1);
    const document = DoctorList.parse(JSON.parse(stdout));
    expect(document.items.filter(({ status }) => status === 'failed')).toMatchObject([{ node: 'n2' }]);
  });
});

describe('job', () => {
  const jobs = (node: string, ...items: Job[]) => ({ type: 'io.godwit.v1.jobs', node, jobs: items });

  it('ls lists the jobs of every node, oldest first', async () => {
    const older = endedJob('failed', { job: 'j0', startedAtMs: 1 });
    await scene.cluster.answer(scene.cluster.subjects.all('jobs'), jobs('n1', job()), jobs('n2', older));
    const { stdout } = await run(['job', 'ls']);
    expect(stdout.split('\n').map((line) => line.split(/ +/)[0])).toEqual(['JOB', 'j0', 'j1', '']);
    expect(stdout).toMatch(/^j0 .* failed /m);
    const document = JobList.parse(JSON.parse((await run(['job', 'ls', '--json'])).stdout));
    expect(document.items).toHaveLength(2);
  });

  it('show tells phases, outcome and what CRIU said', async () => {
    const failed = endedJob('failed', { log: ['Error (x.c:1): no br0'] });
    await scene.cluster.answer(scene.cluster.subjects.job('j1', 'info'), {
      type: 'io.godwit.v1.job.info',
      job: failed,
    });
    const { stdout } = await run(['job', 'show', 'j1']);
    expect(stdout).toMatch(/^state: +failed$/m);
    expect(stdout).toMatch(/^preflight +n1 +\+5 ms +15 ms$/m);
    expect(stdout).toMatch(/^criu: Error \(x\.c:1\): no br0$/m);
    expect(Job.parse(JSON.parse((await run(['job', 'show', 'j1', '--json'])).stdout))).toEqual(failed);
    expectOneLine(await run(['job', 'show', 'j2']), 3, /no node knows a job 'j2'/);
  });

  it('set tells the node that runs it what is wanted now', async () => {
    await scene.cluster.answer(scene.cluster.subjects.job('j1', 'set'), {
      type: 'io.godwit.v1.job.info',
      job: job(),
    });
    const flags = ['--max-downtime', '500ms', '--bandwidth', '50MiB/s'];
    expect((await run(['job', 'set', 'j1', ...flags])).stdout).toBe(
      'job j1: now aims at a downtime of 500 ms, sends at most 50.0 MiB/s\n',
    );
    expect(scene.cluster.requests.at(-1)?.body).toMatchObject({
      maxDowntimeMs: 500,
      bandwidthBytesPerSecond: 50 * 2 ** 20,
    });
    expectOneLine(await run(['job', 'set', 'j1']), 2, /nothing to set/);
  });

  it('abort asks the node that runs it', async () => {
    await scene.cluster.answer(scene.cluster.subjects.job('j1', 'abort'), {
      type: 'io.godwit.v1.job.info',
      job: endedJob('aborted'),
    });
    expect((await run(['job', 'abort', 'j1', '--reason', 'no more'])).stdout).toBe('job j1: aborted\n');
    expect(scene.cluster.requests.at(-1)?.body).toMatchObject({ reason: 'no more' });
    const late = new GodwitError('JOB_STATE', { job: 'j1', state: 'committed', problem: 'too late' });
    await scene.cluster.answer(scene.cluster.subjects.job('j1', 'abort'), late);
    expectOneLine(await run(['job', 'abort', 'j1']), 5, /job j1 is committed: too late/);
  });
});

describe('job resolve', () => {
  it('asks the node that holds the frozen copy', async () => {
    const subject = scene.cluster.subjects.job('j1', 'resolve');
    await scene.cluster.answer(subject, { type: 'io.godwit.v1.job.info', job: endedJob('failed') });
    expect((await run(['job', 'resolve', 'j1', '--keep', 'n1'])).stdout).toMatch(
      /the copy of \w+ on n1 is kept\n$/,
    );
    expect(scene.cluster.requests.at(-1)?.body).toMatchObject({ keep: 'n1', force: false });
    await run(['job', 'resolve', 'j1', '--keep', 'n1', '--force']);
    expect(scene.cluster.requests.at(-1)?.body).toMatchObject({ keep: 'n1', force: true });
    expect((await run(['job', 'resolve', 'j1'])).code).toBe(2);
  });

  it('asks the owner when nobody knows the job: what is lost there is given up', async () => {
    const { subjects } = scene.cluster;
    const lost = container({ name: 'web', owner: 'n2', phase: 'lost', state: 'frozen', job: 'j9' });
    const stopped = container({ name: 'web', owner: 'n2', phase: 'stopped', state: 'stopped' });
    await scene.cluster.answer(subjects.all('info'), nodeInfo('n2', { containers: [lost] }));
    const owner = subjects.container('web', 'resolve');
    await scene.cluster.answer(owner, { type: 'io.godwit.v1.container.state', container: stopped });
    const { code, stdout } = await run(['job', 'resolve', 'j9', '--keep', 'n2', '--force']);
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: 'job j9: web is given up; it is stopped on n2\n',
    });
    expect(scene.cluster.requests.at(-1)?.body).toMatchObject({ job: 'j9', keep: 'n2', force: true });
    expect((await run(['job', 'resolve', 'j8', '--keep', 'n2'])).code).toBe(3);
  });
});

describe('names', () => {
  it.each([
    ['inspect', '../../etc/passwd'],
    ['start', 'web/..'],
    ['undefine', '..'],
    ['dumpxml', '-x'],
    ['stop', 'a..b'],
    ['inspect', 'we*b'],
    ['inspect', 'we>b'],
    ['inspect', 'x'.repeat(64)],
    ['migrate', '../web', 'n2'],
    ['migrate', 'web', '../n2'],
    ['doctor', 'n.1'],
    ['job', 'abort', 'j*'],
    ['ps', '--cluster', '../lab'],
  ])('that are hostile are refused before anything is sent: %s %s', async (...args) => {
    const seen: string[] = [];
    const spy = scene.cluster.nats.subscribe('godwit.>', {
      callback: (_error, { subject }) => void seen.push(subject),
    });
    await scene.cluster.nats.flush();
    expectOneLine(await run(args), 2, /not a valid|unknown option/);
    await scene.cluster.nats.flush();
    spy.unsubscribe();
    expect(seen).toEqual([]);
  });
});

describe('completion', () => {
  it.each(['bash', 'zsh', 'fish'])('prints a script for %s', async (shell) => {
    const { code, stdout } = await run(['completion', shell]);
    expect(code).toBe(0);
    expect(stdout).toContain('godwit __complete -- ');
  });

  it('proposes names the bus knows, and nothing but commands without one', async () => {
    await answerAll();
    expect((await run(['__complete', '--', 'migrate', ''])).stdout).toContain('web\trunning on n1\n');
    const { code, stdout, stderr } = await runCli(['__complete', '--', 'inspect', ''], {
      NATS_URL: 'nats://127.0.0.1:1',
    });
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});

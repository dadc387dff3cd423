import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as yaml from 'yaml';
import {
  ContainerInfo,
  ContainerList,
  DefineReply,
  DoctorList,
  ErrorDocument,
  ExecReply,
  GodwitError,
  Job,
  JobList,
  LIMITS,
  NodeInfo,
  NodeList,
  UndefinedList,
} from '../../protocol/mod.ts';
import { container, containerInfo, doctorReply, endedJob, job, nodeInfo } from '../support/messages.ts';
import { buildCli, type CliResult, runCli } from './support/cli.ts';
import { type FakeCluster, fakeCluster } from './support/fake-cluster.ts';
import { type NatsServer, startNats } from './support/nats.ts';

let server: NatsServer;
let cluster: FakeCluster;
const BUSY = new GodwitError('CONTAINER_BUSY', { container: 'web', job: 'j7' });

beforeAll(async () => {
  buildCli();
  server = await startNats();
});
afterAll(() => server.stop());
beforeEach(async () => {
  cluster = await fakeCluster(server.url);
  return () => cluster[Symbol.asyncDispose]();
});

function godwit(args: readonly string[], stdin = ''): Promise<CliResult> {
  return runCli(args, { NATS_URL: server.url, GODWIT_CLUSTER: 'lab', TZ: 'UTC' }, stdin);
}

/** Exactly one message line and at most one hint line, and never a stack. */
function expectOneLine(result: CliResult, code: number, text: RegExp): void {
  expect(result.stderr).toMatch(/^godwit: [^\n]+\n(hint: [^\n]+\n)?$/);
  expect(result.stderr).toMatch(text);
  expect(result.stdout).toBe('');
  expect(result.code).toBe(code);
}

const NODES = [
  nodeInfo('n2', {
    containers: [container({ name: 'api', owner: 'n2', phase: 'stopped', state: 'stopped' })],
  }),
  nodeInfo('n1', { containers: [container(), container({ name: 'db', job: 'j9' })] }),
];
const answerAll = () => cluster.answer(cluster.subjects.all('info'), ...NODES);

describe('ps', () => {
  it('lists what runs on every node that answers, and with -a all', async () => {
    await answerAll();
    const { code, stdout, stderr } = await godwit(['ps']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(
      'NAME  NODE  STATE    PHASE       MEMORY  ADDRESSES     JOB\n' +
        'db    n1    running  running  250.0 MiB  10.77.1.5/16  j9\n' +
        'web   n1    running  running  250.0 MiB  10.77.1.5/16  -\n',
    );
    expect((await godwit(['ps', '-a', '-o', 'name'])).stdout).toBe('api\ndb\nweb\n');
    expect((await godwit(['ps', '--no-headers', '-o', 'wide'])).stdout).toMatch(
      /^db .* 512\.0 MiB +4242 +3 /,
    );
  });

  it('gives one document', async () => {
    await answerAll();
    const json = ContainerList.parse(JSON.parse((await godwit(['ps', '-a', '--json'])).stdout));
    expect(json.items.map(({ name, owner }) => `${name}@${owner}`)).toEqual(['api@n2', 'db@n1', 'web@n1']);
    expect(ContainerList.parse(yaml.parse((await godwit(['ps', '-a', '-o', 'yaml'])).stdout))).toEqual(json);
  });

  it('asks only the named nodes; one that is missing does not hide the others', async () => {
    await cluster.answer(cluster.subjects.node('n1', 'info'), NODES[1]);
    const { code, stdout, stderr } = await godwit(['ps', 'n9', 'n1', '-o', 'name']);
    expect(stdout).toBe('db\nweb\n');
    expect(stderr).toContain("no node named 'n9' answers");
    expect(code).toBe(3);
  });

  it('shows the readable answers and tells the others', async () => {
    await cluster.answer(cluster.subjects.all('info'), NODES[1], new TextEncoder().encode('garbage'), {
      type: 'io.godwit.v2.node.info',
    });
    const { code, stdout, stderr } = await godwit(['ps', '-o', 'name']);
    expect(stdout).toBe('db\nweb\n');
    expect(stderr.match(/^godwit: the message on \S+ was refused: .+$/gm)).toHaveLength(2);
    expect(code).toBe(2);
  });

  it('exits 3 when the cluster is empty', async () => {
    expectOneLine(await godwit(['ps']), 3, /no node of the cluster 'lab' answers/);
  });
});

describe('inspect and dumpxml', () => {
  it('show the record, the limits, the addresses', async () => {
    await cluster.answer(cluster.subjects.container('web', 'info'), containerInfo());
    const { stdout } = await godwit(['inspect', 'web']);
    expect(stdout).toMatch(/^owner: +n1$/m);
    expect(stdout).toMatch(/^epoch: +3$/m);
    expect(stdout).toMatch(/^limits:\n {2}memory\.limit_in_bytes: 536870912$/m);
    const document = ContainerInfo.parse(JSON.parse((await godwit(['inspect', 'web', '--json'])).stdout));
    expect(document).toEqual(containerInfo());
  });

  it('print the XML only', async () => {
    await cluster.answer(cluster.subjects.container('web', 'info'), containerInfo());
    const { code, stdout, stderr } = await godwit(['dumpxml', 'web']);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `${containerInfo().xml}\n`, stderr: '' });
  });

  it('exit 3 at once for a container nobody owns', async () => {
    expectOneLine(await godwit(['inspect', 'nope']), 3, /no node owns a container named 'nope'/);
    const { code, stderr, stdout } = await godwit(['dumpxml', 'nope', '--json']);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(ErrorDocument.parse(JSON.parse(stderr)).code).toBe('CONTAINER_NOT_FOUND');
  });
});

describe('define and undefine', () => {
  const reply = { type: 'io.godwit.v1.node.define', name: 'web', uuid: 'u-1', node: 'n2', changed: true };

  it('hand the document to the named node', async () => {
    await cluster.answer(cluster.subjects.node('n2', 'define'), reply);
    const { code, stdout } = await godwit(['define', '-', '--node', 'n2'], '<domain/>');
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'web defined on n2 (u-1)\n' });
    expect(cluster.requests.at(-1)?.body).toMatchObject({ xml: '<domain/>', file: '-' });
    const document = DefineReply.parse(
      JSON.parse((await godwit(['define', '-', '--node', 'n2', '--json'])).stdout),
    );
    expect(document.node).toBe('n2');
  });

  it('find a node that is up when none is named', async () => {
    await cluster.answer(cluster.subjects.all('info'), nodeInfo('n1', { state: 'cordoned' }), nodeInfo('n2'));
    await cluster.answer(cluster.subjects.node('n2', 'define'), { ...reply, changed: false });
    expect((await godwit(['define', '-'], '<domain/>')).stdout).toBe('web unchanged on n2 (u-1)\n');
    await cluster.answer(cluster.subjects.all('info'), nodeInfo('n1', { state: 'cordoned' }));
    expectOneLine(await godwit(['define', '-'], '<domain/>'), 4, /cordoned/);
  });

  it('refuse too big a document before anything is sent', async () => {
    await cluster.answer(cluster.subjects.node('n2', 'define'), reply);
    const huge = 'x'.repeat(LIMITS.domainXmlBytes + 1);
    expectOneLine(await godwit(['define', '-', '--node', 'n2'], huge), 2, /over the limit/);
    expectOneLine(await godwit(['define', '/nonexistent.xml', '--node', 'n2']), 2, /cannot be read/);
    expect(cluster.requests).toEqual([]);
  });

  it('show where a document is wrong', async () => {
    const details = { file: 'web.xml', line: 3, column: 9, problem: 'unknown element <foo>' };
    await cluster.answer(cluster.subjects.node('n2', 'define'), new GodwitError('XML_REFUSED', details));
    expectOneLine(
      await godwit(['define', '-', '--node', 'n2'], '<domain/>'),
      2,
      /web\.xml:3:9: unknown element <foo>/,
    );
  });

  it('forget a container', async () => {
    await cluster.answer(cluster.subjects.container('web', 'undefine'), { type: 'io.godwit.v1.ok' });
    expect((await godwit(['undefine', 'web'])).stdout).toBe('web undefined\n');
    const document = UndefinedList.parse(JSON.parse((await godwit(['undefine', 'web', '--json'])).stdout));
    expect(document.items).toEqual([{ name: 'web' }]);
  });
});

describe('start and stop', () => {
  const state = (part: Parameters<typeof container>[0] = {}) => ({
    type: 'io.godwit.v1.container.state',
    container: container(part),
  });

  it('say where and give the containers as a document', async () => {
    await cluster.answer(cluster.subjects.container('web', 'start'), state());
    expect((await godwit(['start', 'web'])).stdout).toBe('web running on n1\n');
    const document = ContainerList.parse(JSON.parse((await godwit(['start', 'web', '--json'])).stdout));
    expect(document.items).toHaveLength(1);
  });

  it('pass on the grace and the wish to kill', async () => {
    await cluster.answer(
      cluster.subjects.container('web', 'stop'),
      state({ state: 'stopped', phase: 'stopped' }),
    );
    await godwit(['stop', 'web']);
    await godwit(['stop', 'web', '--timeout', '1m', '--kill']);
    expect(cluster.requests.map(({ body }) => body)).toMatchObject([
      { timeoutMs: 10_000, kill: false },
      { timeoutMs: 60_000, kill: true },
    ]);
  });

  it('go on with the others when one fails, and exit with its code', async () => {
    await cluster.answer(cluster.subjects.container('web', 'start'), BUSY);
    await cluster.answer(cluster.subjects.container('db', 'start'), state({ name: 'db' }));
    const { code, stdout, stderr } = await godwit(['start', 'web', 'nope', 'db']);
    expect({ code, stdout }).toEqual({ code: 5, stdout: 'db running on n1\n' });
    expect(stderr).toMatch(/'web' is busy with job j7[\s\S]*named 'nope'/);
  });
});

describe('exec', () => {
  const reply = {
    type: 'io.godwit.v1.container.exec',
    exitCode: 42,
    stdout: 'out\u0001\n',
    stderr: 'err\n',
    truncated: false,
  };

  it('passes on output, errors and exit code', async () => {
    await cluster.answer(cluster.subjects.container('web', 'exec'), reply);
    const { code, stdout, stderr } = await godwit(['exec', 'web', '--', 'sh', '-c', 'exit 42', '--json']);
    expect({ code, stdout, stderr }).toEqual({ code: 42, stdout: 'out\u0001\n', stderr: 'err\n' });
    expect(cluster.requests.at(-1)?.body).toMatchObject({ argv: ['sh', '-c', 'exit 42', '--json'] });
  });

  it('gives the reply as a document and tells what was cut', async () => {
    await cluster.answer(cluster.subjects.container('web', 'exec'), {
      ...reply,
      exitCode: 0,
      truncated: true,
    });
    const { code, stdout, stderr } = await godwit(['exec', '--json', 'web', '--', 'yes']);
    expect(ExecReply.parse(JSON.parse(stdout)).truncated).toBe(true);
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'godwit: the output was too long and is cut off\n' });
  });

  it('exits 1 when the command could not be run', async () => {
    const failed = new GodwitError('EXEC_FAILED', { container: 'web', problem: 'no such program' });
    await cluster.answer(cluster.subjects.container('web', 'exec'), failed);
    expectOneLine(
      await godwit(['exec', 'web', '--', 'nope']),
      1,
      /could not be run in 'web': no such program/,
    );
  });
});

describe('node', () => {
  it('ls lists them in order, with versions when wide', async () => {
    await answerAll();
    const { stdout } = await godwit(['node', 'ls']);
    expect(stdout.split('\n').map((line) => line.split(/ +/)[0])).toEqual(['NODE', 'n1', 'n2', '']);
    expect((await godwit(['node', 'ls', '-o', 'wide'])).stdout).toMatch(/ VERSION +CRIU +LXC +KERNEL /);
    expect(NodeList.parse(JSON.parse((await godwit(['node', 'ls', '--json'])).stdout)).items).toHaveLength(2);
  });

  it('show tells one', async () => {
    const info = nodeInfo('n1', { notes: ['two nodes: the records live on n1 only'] });
    await cluster.answer(cluster.subjects.node('n1', 'info'), info);
    const { stdout } = await godwit(['node', 'show', 'n1']);
    expect(stdout).toMatch(/^criu: +4\.2\.1$/m);
    expect(stdout).toMatch(/^note: +two nodes: the records live on n1 only$/m);
    expect(NodeInfo.parse(JSON.parse((await godwit(['node', 'show', 'n1', '--json'])).stdout))).toEqual(info);
  });

  it('cordon and uncordon change the state', async () => {
    await cluster.answer(cluster.subjects.node('n1', 'cordon'), nodeInfo('n1', { state: 'cordoned' }));
    await cluster.answer(cluster.subjects.node('n1', 'uncordon'), nodeInfo('n1'));
    expect((await godwit(['node', 'cordon', 'n1'])).stdout).toMatch(/^n1 +cordoned /m);
    expect((await godwit(['node', 'uncordon', 'n1', '-o', 'name'])).stdout).toBe('n1\n');
    expectOneLine(await godwit(['node', 'cordon', 'n9']), 3, /no node named 'n9' answers/);
  });
});

describe('doctor', () => {
  it('shows each check with its mark and cure; exit 0 without a failed one', async () => {
    await cluster.answer(cluster.subjects.node('n1', 'doctor'), doctorReply('n1'));
    const { code, stdout, stderr } = await godwit(['doctor', 'n1']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(
      'n1\n  ok    criu: criu 4.2.1 (12 ms)\n' +
        '  warn  dirty tracking: not there (3 ms)\n        cure: no pre-copy\n',
    );
  });

  it('asks every node, and exits 1 when one check failed', async () => {
    await answerAll();
    await cluster.answer(cluster.subjects.node('n1', 'doctor'), doctorReply('n1'));
    await cluster.answer(cluster.subjects.node('n2', 'doctor'), doctorReply('n2', true));
    const { code, stdout } = await godwit(['doctor', '--json']);
    expect(code).toBe(1);
    const document = DoctorList.parse(JSON.parse(stdout));
    expect(document.items.filter(({ status }) => status === 'failed')).toMatchObject([{ node: 'n2' }]);
  });
});

describe('job', () => {
  const jobs = (node: string, ...items: Job[]) => ({ type: 'io.godwit.v1.jobs', node, jobs: items });

  it('ls lists the jobs of every node, oldest first', async () => {
    const older = endedJob('failed', { job: 'j0', startedAtMs: 1 });
    await cluster.answer(cluster.subjects.all('jobs'), jobs('n1', job()), jobs('n2', older));
    const { stdout } = await godwit(['job', 'ls']);
    expect(stdout.split('\n').map((line) => line.split(/ +/)[0])).toEqual(['JOB', 'j0', 'j1', '']);
    expect(stdout).toMatch(/^j0 .* failed /m);
    const document = JobList.parse(JSON.parse((await godwit(['job', 'ls', '--json'])).stdout));
    expect(document.items).toHaveLength(2);
  });

  it('show tells phases, outcome and what CRIU said', async () => {
    const failed = endedJob('failed', { log: ['Error (x.c:1): no br0'] });
    await cluster.answer(cluster.subjects.job('j1', 'info'), { type: 'io.godwit.v1.job.info', job: failed });
    const { stdout } = await godwit(['job', 'show', 'j1']);
    expect(stdout).toMatch(/^state: +failed$/m);
    expect(stdout).toMatch(/^preflight +n1 +\+5 ms +15 ms$/m);
    expect(stdout).toMatch(/^criu: Error \(x\.c:1\): no br0$/m);
    expect(Job.parse(JSON.parse((await godwit(['job', 'show', 'j1', '--json'])).stdout))).toEqual(failed);
    expectOneLine(await godwit(['job', 'show', 'j2']), 3, /no node knows a job 'j2'/);
  });

  it('set tells the node that runs it what is wanted now', async () => {
    await cluster.answer(cluster.subjects.job('j1', 'set'), { type: 'io.godwit.v1.job.info', job: job() });
    const flags = ['--max-downtime', '500ms', '--bandwidth', '50MiB/s'];
    expect((await godwit(['job', 'set', 'j1', ...flags])).stdout).toBe(
      'job j1: now aims at a downtime of 500 ms, sends at most 50.0 MiB/s\n',
    );
    expect(cluster.requests.at(-1)?.body).toMatchObject({
      maxDowntimeMs: 500,
      bandwidthBytesPerSecond: 50 * 2 ** 20,
    });
    expectOneLine(await godwit(['job', 'set', 'j1']), 2, /nothing to set/);
  });

  it('abort asks the node that runs it', async () => {
    await cluster.answer(cluster.subjects.job('j1', 'abort'), {
      type: 'io.godwit.v1.job.info',
      job: endedJob('aborted'),
    });
    expect((await godwit(['job', 'abort', 'j1', '--reason', 'no more'])).stdout).toBe('job j1: aborted\n');
    expect(cluster.requests.at(-1)?.body).toMatchObject({ reason: 'no more' });
    const late = new GodwitError('JOB_STATE', { job: 'j1', state: 'committed', problem: 'too late' });
    await cluster.answer(cluster.subjects.job('j1', 'abort'), late);
    expectOneLine(await godwit(['job', 'abort', 'j1']), 5, /job j1 is committed: too late/);
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
    const spy = cluster.nats.subscribe('godwit.>', {
      callback: (_error, { subject }) => void seen.push(subject),
    });
    await cluster.nats.flush();
    expectOneLine(await godwit(args), 2, /not a valid|unknown option/);
    await cluster.nats.flush();
    spy.unsubscribe();
    expect(seen).toEqual([]);
  });
});

describe('completion', () => {
  it.each(['bash', 'zsh', 'fish'])('prints a script for %s', async (shell) => {
    const { code, stdout } = await godwit(['completion', shell]);
    expect(code).toBe(0);
    expect(stdout).toContain('godwit __complete -- ');
  });

  it('proposes names the bus knows, and nothing but commands without one', async () => {
    await answerAll();
    expect((await godwit(['__complete', '--', 'migrate', ''])).stdout).toContain('web\trunning on n1\n');
    const { code, stdout, stderr } = await runCli(['__complete', '--', 'inspect', ''], {
      NATS_URL: 'nats://127.0.0.1:1',
    });
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});

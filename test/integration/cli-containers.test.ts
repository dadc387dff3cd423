import { describe, expect, it } from 'vitest';
import * as yaml from 'yaml';
import {
  ContainerInfo,
  ContainerList,
  DefineReply,
  ErrorDocument,
  ExecReply,
  GodwitError,
  LIMITS,
  UndefinedList,
} from '../../protocol/mod.ts';
import { container, containerInfo, nodeInfo } from '../support/messages.ts';
import { expectOneLine, NODES, useCli } from './support/cli-scene.ts';

const scene = useCli();
const { run, answerAll } = scene;
const BUSY = new GodwitError('CONTAINER_BUSY', { container: 'web', job: 'j7' });

describe('ps', () => {
  it('lists what runs on every node that answers, and with -a all', async () => {
    await answerAll();
    const { code, stdout, stderr } = await run(['ps']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(
      'NAME  NODE  STATE    PHASE       MEMORY  ADDRESSES     JOB\n' +
        'db    n1    running  running  250.0 MiB  10.77.1.5/16  j9\n' +
        'web   n1    running  running  250.0 MiB  10.77.1.5/16  -\n',
    );
    expect((await run(['ps', '-a', '-o', 'name'])).stdout).toBe('api\ndb\nweb\n');
    expect((await run(['ps', '--no-headers', '-o', 'wide'])).stdout).toMatch(/^db .* 512\.0 MiB +4242 +3 /);
  });

  it('gives one document', async () => {
    await answerAll();
    const json = ContainerList.parse(JSON.parse((await run(['ps', '-a', '--json'])).stdout));
    expect(json.items.map(({ name, owner }) => `${name}@${owner}`)).toEqual(['api@n2', 'db@n1', 'web@n1']);
    expect(ContainerList.parse(yaml.parse((await run(['ps', '-a', '-o', 'yaml'])).stdout))).toEqual(json);
  });

  it('asks only the named nodes; one that is missing does not hide the others', async () => {
    await scene.cluster.answer(scene.cluster.subjects.node('n1', 'info'), NODES[1]);
    const { code, stdout, stderr } = await run(['ps', 'n9', 'n1', '-o', 'name']);
    expect(stdout).toBe('db\nweb\n');
    expect(stderr).toContain("no node named 'n9' answers");
    expect(code).toBe(3);
  });

  it('shows the readable answers and tells the others', async () => {
    await scene.cluster.answer(
      scene.cluster.subjects.all('info'),
      NODES[1],
      new TextEncoder().encode('garbage'),
      {
        type: 'io.godwit.v2.node.info',
      },
    );
    const { code, stdout, stderr } = await run(['ps', '-o', 'name']);
    expect(stdout).toBe('db\nweb\n');
    expect(stderr.match(/^godwit: the message on \S+ was refused: .+$/gm)).toHaveLength(2);
    expect(code).toBe(2);
  });

  it('tells of containers that are held frozen for an owner that says nothing', async () => {
    const held = [
      { container: 'web', job: 'j1', target: 'n2' },
      { container: 'db', job: 'j2', target: 'n2' },
    ];
    const there = nodeInfo('n1', { held, containers: [container({ name: 'db', owner: 'n3' })] });
    await scene.cluster.answer(scene.cluster.subjects.all('info'), there);
    const { code, stdout, stderr } = await run(['ps', '-o', 'name']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'db\n' });
    expect(stderr).toBe('web: n2, which owns it, does not say so; frozen on n1 (`godwit job show j1`)\n');
  });

  it('exits 3 when the cluster is empty', async () => {
    expectOneLine(await run(['ps']), 3, /no node of the cluster 'lab' answers/);
  });
});

describe('inspect and dumpxml', () => {
  it('show the record, the limits, the addresses', async () => {
    await scene.cluster.answer(scene.cluster.subjects.container('web', 'info'), containerInfo());
    const { stdout } = await run(['inspect', 'web']);
    expect(stdout).toMatch(/^owner: +n1$/m);
    expect(stdout).toMatch(/^epoch: +3$/m);
    expect(stdout).toMatch(/^limits:\n {2}memory\.limit_in_bytes: 536870912$/m);
    const document = ContainerInfo.parse(JSON.parse((await run(['inspect', 'web', '--json'])).stdout));
    expect(document).toEqual(containerInfo());
  });

  it('print the XML only', async () => {
    await scene.cluster.answer(scene.cluster.subjects.container('web', 'info'), containerInfo());
    const { code, stdout, stderr } = await run(['dumpxml', 'web']);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `${containerInfo().xml}\n`, stderr: '' });
  });

  it('exit 3 at once for a container nobody owns', async () => {
    expectOneLine(await run(['inspect', 'nope']), 3, /no node owns a container named 'nope'/);
    const { code, stderr, stdout } = await run(['dumpxml', 'nope', '--json']);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(ErrorDocument.parse(JSON.parse(stderr)).code).toBe('CONTAINER_NOT_FOUND');
  });
});

describe('define and undefine', () => {
  const reply = { type: 'io.godwit.v1.node.define', name: 'web', uuid: 'u-1', node: 'n2', changed: true };

  it('hand the document to the named node', async () => {
    await scene.cluster.answer(scene.cluster.subjects.node('n2', 'define'), reply);
    const { code, stdout } = await run(['define', '-', '--node', 'n2'], '<domain/>');
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'web defined on n2 (u-1)\n' });
    expect(scene.cluster.requests.at(-1)?.body).toMatchObject({ xml: '<domain/>', file: '-' });
    const document = DefineReply.parse(
      JSON.parse((await run(['define', '-', '--node', 'n2', '--json'])).stdout),
    );
    expect(document.node).toBe('n2');
  });

  it('name a container of LXC instead, and pass on what there is to know of it', async () => {
    const notes = ['lxc.start.auto: only godwit starts it'];
    await scene.cluster.answer(scene.cluster.subjects.node('n2', 'define'), { ...reply, notes });
    const { code, stdout, stderr } = await run(['define', '--from-lxc', 'web', '--node', 'n2']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'web defined on n2 (u-1)\n' });
    expect(stderr).toBe(`note: ${notes[0]}\n`);
    expect(scene.cluster.requests.at(-1)?.body).toMatchObject({ fromLxc: 'web' });
    expectOneLine(await run(['define', '--node', 'n2']), 2, /one of them/);
    expectOneLine(await run(['define', '-', '--from-lxc', 'web'], '<domain/>'), 2, /one of them/);
  });

  it('find a node that is up when none is named', async () => {
    await scene.cluster.answer(
      scene.cluster.subjects.all('info'),
      nodeInfo('n1', { state: 'cordoned' }),
      nodeInfo('n2'),
    );
    await scene.cluster.answer(scene.cluster.subjects.node('n2', 'define'), { ...reply, changed: false });
    expect((await run(['define', '-'], '<domain/>')).stdout).toBe('web unchanged on n2 (u-1)\n');
    await scene.cluster.answer(scene.cluster.subjects.all('info'), nodeInfo('n1', { state: 'cordoned' }));
    expectOneLine(await run(['define', '-'], '<domain/>'), 4, /cordoned/);
  });

  it('refuse too big a document before anything is sent', async () => {
    await scene.cluster.answer(scene.cluster.subjects.node('n2', 'define'), reply);
    const huge = 'x'.repeat(LIMITS.domainXmlBytes + 1);
    expectOneLine(await run(['define', '-', '--node', 'n2'], huge), 2, /over the limit/);
    expectOneLine(await run(['define', '/nonexistent.xml', '--node', 'n2']), 2, /cannot be read/);
    expect(scene.cluster.requests).toEqual([]);
  });

  it('show where a document is wrong', async () => {
    const details = { file: 'web.xml', line: 3, column: 9, problem: 'unknown element <foo>' };
    await scene.cluster.answer(
      scene.cluster.subjects.node('n2', 'define'),
      new GodwitError('XML_REFUSED', details),
    );
    expectOneLine(
      await run(['define', '-', '--node', 'n2'], '<domain/>'),
      2,
      /web\.xml:3:9: unknown element <foo>/,
    );
  });

  it('forget a container', async () => {
    await scene.cluster.answer(scene.cluster.subjects.container('web', 'undefine'), {
      type: 'io.godwit.v1.ok',
    });
    expect((await run(['undefine', 'web'])).stdout).toBe('web undefined\n');
    const document = UndefinedList.parse(JSON.parse((await run(['undefine', 'web', '--json'])).stdout));
    expect(document.items).toEqual([{ name: 'web' }]);
  });
});

describe('start and stop', () => {
  const state = (part: Parameters<typeof container>[0] = {}) => ({
    type: 'io.godwit.v1.container.state',
    container: container(part),
  });

  it('say where and give the containers as a document', async () => {
    await scene.cluster.answer(scene.cluster.subjects.container('web', 'start'), state());
    expect((await run(['start', 'web'])).stdout).toBe('web running on n1\n');
    const document = ContainerList.parse(JSON.parse((await run(['start', 'web', '--json'])).stdout));
    expect(document.items).toHaveLength(1);
  });

  it.each([
    ['suspend', 'frozen'],
    ['resume', 'running'],
  ] as const)('%s', async (verb, now) => {
    await scene.cluster.answer(scene.cluster.subjects.container('web', verb), state({ state: now }));
    expect((await run([verb, 'web'])).stdout).toBe(`web ${now} on n1\n`);
  });

  it('pass on the grace and the wish to kill', async () => {
    await scene.cluster.answer(
      scene.cluster.subjects.container('web', 'stop'),
      state({ state: 'stopped', phase: 'stopped' }),
    );
    await run(['stop', 'web']);
    await run(['stop', 'web', '--timeout', '1m', '--kill']);
    expect(scene.cluster.requests.map(({ body }) => body)).toMatchObject([
      { timeoutMs: 10_000, kill: false },
      { timeoutMs: 60_000, kill: true },
    ]);
  });

  it('go on with the others when one fails, and exit with its code', async () => {
    await scene.cluster.answer(scene.cluster.subjects.container('web', 'start'), BUSY);
    await scene.cluster.answer(scene.cluster.subjects.container('db', 'start'), state({ name: 'db' }));
    const { code, stdout, stderr } = await run(['start', 'web', 'nope', 'db']);
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
    await scene.cluster.answer(scene.cluster.subjects.container('web', 'exec'), reply);
    const { code, stdout, stderr } = await run(['exec', 'web', '--', 'sh', '-c', 'exit 42', '--json']);
    expect({ code, stdout, stderr }).toEqual({ code: 42, stdout: 'out\u0001\n', stderr: 'err\n' });
    expect(scene.cluster.requests.at(-1)?.body).toMatchObject({ argv: ['sh', '-c', 'exit 42', '--json'] });
  });

  it('gives the reply as a document and tells what was cut', async () => {
    await scene.cluster.answer(scene.cluster.subjects.container('web', 'exec'), {
      ...reply,
      exitCode: 0,
      truncated: true,
    });
    const { code, stdout, stderr } = await run(['exec', '--json', 'web', '--', 'yes']);
    expect(ExecReply.parse(JSON.parse(stdout)).truncated).toBe(true);
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'godwit: the output was too long and is cut off\n' });
  });

  it('exits 1 when the command could not be run', async () => {
    const failed = new GodwitError('EXEC_FAILED', { container: 'web', problem: 'no such program' });
    await scene.cluster.answer(scene.cluster.subjects.container('web', 'exec'), failed);
    expectOneLine(await run(['exec', 'web', '--', 'nope']), 1, /could not be run in 'web': no such program/);
  });
});

import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { jetstreamManager } from '@nats-io/jetstream';
import { describe, expect, it } from 'vitest';
import { CloudEvent, LIMITS } from '../../protocol/mod.ts';
import { container, containerInfo, endedJob, job, migrateReply, nodeInfo } from '../support/messages.ts';
import { runCli } from './support/cli.ts';
import { expectOneLine, useCli } from './support/cli-scene.ts';
import { startNats } from './support/nats.ts';

const scene = useCli();
const { godwit, start } = scene;

/** A TCP server that accepts and then does what `greet` says. */
async function tcpServer(greet: string): Promise<{ url: string; server: Server }> {
  const listening = createServer((socket) => socket.on('error', () => undefined).write(greet));
  await once(listening.listen(0, '127.0.0.1'), 'listening');
  const address = listening.address();
  return { server: listening, url: `nats://127.0.0.1:${typeof address === 'object' ? address?.port : ''}` };
}

describe('a bus that is not there', () => {
  it('exits 6 at once when the connection is refused', async () => {
    const result = await runCli(['ps'], { NATS_URL: 'nats://127.0.0.1:1,nats://127.0.0.1:2' });
    expectOneLine(result, 6, /at nats:\/\/127\.0\.0\.1:1,nats:\/\/127\.0\.0\.1:2: connection refused/);
  });

  it.each([
    ['says nothing', ''],
    ['speaks another protocol', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
  ])('exits 6 soon when the server %s', async (_what, greeting) => {
    const silent = await tcpServer(greeting);
    const result = await runCli(['ps'], { NATS_URL: silent.url });
    silent.server.close();
    expectOneLine(result, 6, /no NATS server answers/);
    expect(result.ms).toBeLessThan(15_000);
  });

  it('exits 6 when an agent does not answer in time', async () => {
    await scene.cluster.answer(scene.cluster.subjects.node('n1', 'info'), undefined);
    const result = await godwit('node', 'show', 'n1', '--request-timeout', '200ms');
    expectOneLine(result, 6, /no answer on godwit\.v1\.lab\.node\.n1\.info within 200 ms/);
  });
});

describe('a server of the list that reaches nobody', () => {
  it('is no reason to give up: another one is asked, and nothing is done twice', async () => {
    await using apart = await startNats();
    await scene.cluster.answer(scene.cluster.subjects.container('web', 'info'), containerInfo());
    const state = { type: 'io.godwit.v1.container.state', container: container() };
    await scene.cluster.answer(scene.cluster.subjects.container('web', 'start'), state);
    const env = { NATS_URL: `${apart.url},${scene.server.url}`, GODWIT_CLUSTER: 'lab' };
    // The client library takes any of the two first.
    for (let time = 1; time <= 4; time++) {
      expect(await runCli(['inspect', 'web'], env)).toMatchObject({ code: 0 });
      expect(await runCli(['start', 'web'], env)).toMatchObject({ code: 0 });
    }
    expect(scene.cluster.requests).toHaveLength(8);
    expectOneLine(await runCli(['inspect', 'other'], env), 3, /no node owns a container named 'other'/);
  });
});

describe('permissions', () => {
  const config = `authorization { users = [
    { user: op, password: secret }
    { user: ro, password: secret, permissions: {
      publish: ["godwit.v1.*.all.*", "godwit.v1.*.node.*.info"], subscribe: ["_INBOX.>"] } }
  ] }`;

  it('exit 7 when the login is refused or the subject is not allowed', async () => {
    await using locked = await startNats({ config });
    const as = (user: string, password: string) => ({
      NATS_URL: locked.url,
      NATS_USER: user,
      NATS_PASSWORD: password,
      NATS_TIMEOUT: '30s',
      GODWIT_CLUSTER: 'lab',
    });
    expectOneLine(await runCli(['ps'], as('op', 'wrong')), 7, /refused the login/);
    const denied = await runCli(['start', 'web'], as('ro', 'secret'));
    expectOneLine(denied, 7, /not allowed: .*godwit\.v1\.lab\.container\.web\.start/);
    expect(denied.ms).toBeLessThan(25_000); // Told at once, not after the request's deadline.
    expectOneLine(await runCli(['ps'], as('ro', 'secret')), 3, /no node of the cluster/);
    expectOneLine(await runCli(['migrate', 'web', 'n2'], as('ro', 'secret')), 7, /not allowed/);
  });
});

describe('hostile replies', () => {
  const raw = (text: string) => new TextEncoder().encode(text);
  const BAD = [
    ['nothing', raw('')],
    ['garbage', raw('\u0000\u0001garbage')],
    ['broken UTF-8', new Uint8Array([0x22, 0xff, 0xfe, 0x22])],
    ['not an object', raw('[1,2,3]')],
    ['null', raw('null')],
    ['an empty object', {}],
    ['another type', { type: 'io.godwit.v1.ok' }],
    ['escape sequences', { type: '\u001b[2J\u001b]0;owned\u0007' }],
    ['deep nesting', raw('['.repeat(50_000))],
    ['a prototype', raw('{"__proto__":{"type":"x"},"type":"io.godwit.v1.container.info"}')],
  ] as const;

  it.each(BAD)('give one clear line and never a stack: %s', async (_what, answer) => {
    const verbs = { info: 'inspect', start: 'start', migrate: 'migrate' } as const;
    const tried = Object.entries(verbs).map(async ([verb, command]) => {
      await scene.cluster.answer(scene.cluster.subjects.container('web', verb as keyof typeof verbs), answer);
      return godwit(command, 'web');
    });
    for (const result of await Promise.all(tried)) {
      expectOneLine(result, 2, /was refused/);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is the point
      expect(result.stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]| {4}at /);
    }
  });

  it('cannot write escape sequences through names, states or XML', async () => {
    const evil = '\u001b]0;owned\u0007\u001b[2Jx';
    const digest = container({ owner: evil, addresses: [evil], job: evil });
    await scene.cluster.answer(
      scene.cluster.subjects.all('info'),
      nodeInfo(evil, { version: evil, containers: [digest] }),
    );
    await scene.cluster.answer(
      scene.cluster.subjects.container('web', 'info'),
      containerInfo({ container: digest, xml: evil, limits: { [evil]: evil } }),
    );
    await scene.cluster.answer(scene.cluster.subjects.container('web', 'migrate'), () => {
      void scene.cluster.publishJob(
        'ended',
        endedJob('failed', { log: [evil], error: { code: evil, message: evil } }),
      );
      return migrateReply({ modeReason: evil });
    });
    const commands = ['ps', 'ps -o name', 'node ls -o wide', 'inspect web', 'dumpxml web', 'migrate web n2'];
    const results = await Promise.all(commands.map((command) => godwit(...command.split(' '))));
    for (const { stdout, stderr } of results) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is the point
      expect(stdout + stderr).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f]/);
    }
  });

  it('refuse a request that is over the limit before it is sent', async () => {
    await scene.cluster.answer(scene.cluster.subjects.container('web', 'exec'), {});
    const args = Array.from({ length: 12 }, () => 'x'.repeat(100_000));
    const result = await godwit('exec', 'web', '--', ...args);
    expectOneLine(result, 2, new RegExp(`over the limit of ${LIMITS.messageBytes}`));
    expect(scene.cluster.requests).toEqual([]);
  });

  it('an accepted move without a job is a refused message', async () => {
    const { job: _none, ...reply } = migrateReply();
    await scene.cluster.answer(scene.cluster.subjects.container('web', 'migrate'), reply);
    expectOneLine(await godwit('migrate', 'web', 'n2'), 2, /job: an accepted move has an id/);
  });
});

describe('a reader that goes away', () => {
  it('ends the program quietly', async () => {
    const xml = `<!-- ${'x'.repeat(LIMITS.domainXmlBytes)} -->`; // More than a pipe holds.
    await scene.cluster.answer(scene.cluster.subjects.container('web', 'info'), containerInfo({ xml }));
    const run = start(['dumpxml', 'web']);
    run.closeStdout();
    expect(await run.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
  });
});

describe('events', () => {
  async function stream(): Promise<void> {
    const manager = await jetstreamManager(scene.cluster.nats);
    await manager.streams.delete(scene.cluster.subjects.eventStream).catch(() => undefined);
    await manager.streams.add({
      name: scene.cluster.subjects.eventStream,
      subjects: [scene.cluster.subjects.eventAll],
    });
  }

  it('exits 6 when there is no stream', async () => {
    expectOneLine(
      await runCli(['events'], { NATS_URL: scene.server.url, GODWIT_CLUSTER: 'none' }),
      6,
      /GODWIT_EVENTS_none/,
    );
  });

  it('prints the history, oldest first, of the wanted type', async () => {
    await stream();
    expect(await godwit('events')).toMatchObject({ code: 0, stdout: '' });
    await scene.cluster.publishJob('phase', job());
    await scene.cluster.publishRaw(scene.cluster.subjects.event('health', 'n1'), 'garbage');
    await scene.cluster.publishJob('ended', endedJob('done'));
    const plain = await godwit('events', '--type', 'job', '--since', '10m');
    expect(plain.stdout.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^\d\d:\d\d:\d\d event\.job n1 j1 web n1 -> n2: phase dump$/),
      expect.stringMatching(/^\d\d:\d\d:\d\d event\.job n1 j1 web n1 -> n2: ended done$/),
    ]);
    const json = await godwit('events', '--json');
    const events = json.stdout
      .trimEnd()
      .split('\n')
      .map((line) => CloudEvent.parse(JSON.parse(line)));
    expect(events.map(({ id }) => id)).toEqual(['e1', 'e2']);
    expect((await godwit('events', '--type', 'health')).stdout).toBe('');
  });

  it('follows until Ctrl-C', async () => {
    await stream();
    await scene.cluster.publishJob('phase', job());
    const run = start(['events', '--follow', '--json']);
    await run.wrote(/"id":"e1"/);
    await scene.cluster.publishJob('ended', endedJob('done'));
    await run.wrote(/"id":"e2"/);
    run.interrupt();
    expect(await run.ended).toMatchObject({ code: 130, stderr: '' });
  });
});

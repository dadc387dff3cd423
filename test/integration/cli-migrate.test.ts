import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type ErrorCode,
  ErrorDocument,
  GodwitError,
  type Job,
  type Job as JobRecord,
  MigrateReply,
  MigrateResult,
  type Outcome,
} from '../../protocol/mod.ts';
import { container, containerInfo, endedJob, job, migrateReply, preflight } from '../support/messages.ts';
import { buildCli, type CliResult, runCli, startCli } from './support/cli.ts';
import { type FakeCluster, fakeCluster } from './support/fake-cluster.ts';
import { type NatsServer, startNats } from './support/nats.ts';

let server: NatsServer;
let cluster: FakeCluster;
beforeAll(async () => {
  buildCli();
  server = await startNats();
});
afterAll(() => server.stop());
beforeEach(async () => {
  cluster = await fakeCluster(server.url);
  return () => cluster[Symbol.asyncDispose]();
});

const env = () => ({ NATS_URL: server.url, GODWIT_CLUSTER: 'lab' });
const godwit = (...args: string[]): Promise<CliResult> => runCli(args, env());
const info = (value: JobRecord) => ({ type: 'io.godwit.v1.job.info', job: value });

/** The owner accepts, and the job's events follow at once: some even before the answer arrives. */
async function accepting(...states: readonly Job[]): Promise<void> {
  await cluster.answer(cluster.subjects.container('web', 'migrate'), () => {
    for (const state of states) void cluster.publishJob(state.state === 'ended' ? 'ended' : 'phase', state);
    return migrateReply();
  });
}

describe('migrate', () => {
  it('follows the job by its events and sums up', async () => {
    await accepting(job(), endedJob('done'));
    const { code, stdout } = await godwit('migrate', 'web', 'n2');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^web moved n1 -> n2 \(postcopy\) in 3\.2 s\n {2}downtime: 240 ms\n/);
    const asked = cluster.requests.map(({ subject }) => subject);
    expect(asked).toEqual([cluster.subjects.container('web', 'migrate')]); // By events, not by polling.
  });

  it('writes a line for each phase when stderr is no terminal', async () => {
    const phases = ['preflight', 'dump', 'restore'].map((name, at) => ({
      name,
      node: at < 2 ? 'n1' : 'n2',
      startMs: 1_700_000_000_000 + 100 * at,
    }));
    await accepting(job(), endedJob('done', { phases }));
    const { stderr } = await godwit('migrate', 'web', 'n2');
    expect(stderr).toContain('web n1 -> n2 postcopy: dump on n1 (+100 ms)\n');
    expect(stderr).toContain('web n1 -> n2 postcopy: restore on n2 (+200 ms)\n');
    expect(stderr.match(/preflight/g)).toHaveLength(1);
  });

  it('ends with the result document with --json', async () => {
    const rounds = [
      { index: 1, pagesWritten: 9, pagesSkipped: 0, bytes: 36_864, durationMs: 3, frozenMs: 1 },
    ];
    await accepting(endedJob('done', { rounds }));
    const { code, stdout, stderr } = await godwit('migrate', 'web', 'n2', '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const result = MigrateResult.parse(JSON.parse(stdout));
    expect(result).toMatchObject({ job: 'j1', outcome: 'done', downtimeMs: 240, exposureMs: 1_100, rounds });
  });

  it('sends every flag as the protocol wants it', async () => {
    await accepting(endedJob('done'));
    const flags = [
      ...['--mode', 'hybrid', '--iterations', 'dynamic', '--max-downtime', '300ms', '--max-exposure', '0'],
      ...[
        '--max-rounds',
        '8',
        '--on-nonconverge',
        'throttle',
        '--bandwidth',
        '100MiB/s',
        '--timeout',
        '1m30s',
      ],
    ];
    await godwit('migrate', 'web', 'n2', ...flags, '--unsafe');
    expect(cluster.requests.at(0)?.body).toEqual({
      type: 'io.godwit.v1.container.migrate.request',
      target: 'n2',
      mode: 'hybrid',
      iterations: 'dynamic',
      maxDowntimeMs: 300,
      maxExposureMs: 0,
      maxRounds: 8,
      onNonconverge: 'throttle',
      bandwidthBytesPerSecond: 104_857_600,
      timeoutMs: 90_000,
      dryRun: false,
      unsafe: true,
    });
  });

  it('leaves the choice of a target to the owner', async () => {
    await accepting(endedJob('done'));
    await godwit('migrate', 'web');
    expect(cluster.requests.at(0)?.body).not.toHaveProperty('target');
  });

  it.each([
    ['done', 0],
    ['failed', 1],
    ['aborted', 1],
    ['refused', 8],
    ['timeout', 124],
    ['in-doubt', 9],
    ['lost', 9],
  ] satisfies [Outcome, number][])('exits by the outcome: %s is %i', async (outcome, code) => {
    await accepting(endedJob(outcome));
    const result = await godwit('migrate', 'web', 'n2', '--json');
    expect(MigrateResult.parse(JSON.parse(result.stdout)).outcome).toBe(outcome);
    expect(result.code).toBe(code);
  });

  it('shows the reason of a failure with the first error lines of CRIU', async () => {
    const error = new GodwitError('RESTORE_FAILED', { target: 'n2', problem: 'exit 1', cure: 'Add br0.' });
    await accepting(endedJob('failed', { error: { ...error.toWire() }, log: ['Error (net.c:7): no br0'] }));
    const { code, stdout, stderr } = await godwit('migrate', 'web', 'n2');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(
      /^godwit: restore on n2 failed: exit 1\nhint: .*Add br0\.\n {2}criu: Error \(net\.c:7\)/m,
    );
  });

  it.each([
    ['NODE_NOT_FOUND', { node: 'n2' }, 3],
    ['NO_TARGET', { container: 'web', problem: 'nobody bids' }, 4],
    ['CONTAINER_BUSY', { container: 'web', job: 'j7' }, 5],
    ['RECORD_CONFLICT', { container: 'web' }, 5],
    ['STORE_UNAVAILABLE', { problem: 'no leader' }, 6],
    ['NOT_ALLOWED', { problem: 'read only' }, 7],
    ['MODE_UNAVAILABLE', { mode: 'precopy', source: 'n1', target: 'n2', problem: 'no soft-dirty' }, 8],
    ['OUTCOME_UNKNOWN', { container: 'web', problem: 'in doubt' }, 9],
    ['MOVE_TIMEOUT', { timeoutMs: 5 }, 124],
  ] satisfies [ErrorCode, object, number][])(
    'exits with the code of a refusal: %s',
    async (code, details, exit) => {
      await cluster.answer(
        cluster.subjects.container('web', 'migrate'),
        new GodwitError(code, { ...details }),
      );
      const result = await godwit('migrate', 'web', 'n2');
      expect(result.code).toBe(exit);
      expect(result.stderr).toMatch(/^godwit: [^\n]+\nhint: [^\n]+\n$/);
      const json = await godwit('migrate', 'web', 'n2', '--json');
      expect(ErrorDocument.parse(JSON.parse(json.stderr)).code).toBe(code);
    },
  );

  it('prints the job and does not wait with --detach', async () => {
    await accepting(job());
    const { code, stdout } = await godwit('migrate', 'web', 'n2', '--detach');
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'j1\n' });
    const json = await godwit('migrate', 'web', 'n2', '--detach', '--json');
    expect(MigrateReply.parse(JSON.parse(json.stdout)).job).toBe('j1');
  });
});

describe('migrate --dry-run', () => {
  const refusals = [
    { code: 'BRIDGE_MISSING', message: 'no br0', hint: 'create br0', node: 'n2', overridable: false },
    { code: 'CLOCK_SKEW', message: '4 s apart', hint: 'run ntp', node: 'n2', overridable: true },
  ];
  const dry = (list: typeof refusals) => {
    const { job: _none, ...reply } = migrateReply({ preflight: preflight({ refusals: list }) });
    return cluster.answer(cluster.subjects.container('web', 'migrate'), reply);
  };

  it('prints both ends, the mode and the predicted downtime', async () => {
    await dry([]);
    const { code, stdout } = await godwit('migrate', 'web', 'n2', '--dry-run');
    expect(code).toBe(0);
    expect(stdout).toContain('downtime: about 240 ms');
    expect(cluster.requests.at(0)?.body).toMatchObject({ dryRun: true });
  });

  it('prints every refusal with its cure and exits 8', async () => {
    await dry(refusals);
    const { code, stdout } = await godwit('migrate', 'web', 'n2', '--dry-run');
    expect(code).toBe(8);
    expect(stdout).toContain('  - n2: BRIDGE_MISSING: no br0\n      cure: create br0\n');
    const json = await godwit('migrate', 'web', 'n2', '--dry-run', '--json');
    expect(json.code).toBe(8);
    expect(MigrateReply.parse(JSON.parse(json.stdout)).preflight?.refusals).toEqual(refusals);
  });
});

describe('a job whose events get lost', () => {
  it('is asked for, so that nothing hangs', async () => {
    await cluster.answer(cluster.subjects.container('web', 'migrate'), migrateReply());
    await cluster.answer(cluster.subjects.job('j1', 'info'), info(endedJob('done')));
    const { code, stdout } = await godwit('migrate', 'web', 'n2');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^web moved/);
  });

  it('ignores garbage on the event subjects', async () => {
    await cluster.answer(cluster.subjects.container('web', 'migrate'), () => {
      void cluster.publishRaw(cluster.subjects.event('job', 'j1'), '{"specversion":"1.0"');
      void cluster.publishRaw(
        cluster.subjects.event('job', 'j1'),
        '{"data":{"job":{"job":"j1","state":"ended"}}}',
      );
      void cluster.publishJob('ended', endedJob('failed', { job: 'other' }));
      void cluster.publishJob('ended', endedJob('done'));
      return migrateReply();
    });
    expect((await godwit('migrate', 'web', 'n2')).code).toBe(0);
  });

  it('is done when its node is gone and the target owns the running container', async () => {
    await cluster.answer(cluster.subjects.container('web', 'migrate'), migrateReply());
    const moved = containerInfo({ container: container({ owner: 'n2', epoch: 4 }) });
    await cluster.answer(cluster.subjects.container('web', 'info'), moved);
    const { code, stdout, stderr } = await godwit('migrate', 'web', 'n2', '--json');
    expect(code).toBe(0);
    expect(MigrateResult.parse(JSON.parse(stdout))).toMatchObject({ outcome: 'done', downtimeMs: null });
    expect(stderr).toMatch(/n1, which runs job j1, does not answer .*still trying/);
  });

  it('has failed when the source came back and knows nothing of it', async () => {
    await cluster.answer(cluster.subjects.container('web', 'migrate'), migrateReply());
    await cluster.answer(cluster.subjects.container('web', 'info'), containerInfo());
    const { code, stderr } = await godwit('migrate', 'web', 'n2');
    expect(code).toBe(1);
    expect(stderr).toContain("n1 no longer knows the job; n1 owns 'web' (phase running, running)");
  });

  it('has not failed because its node is slow to answer', async () => {
    await cluster.answer(cluster.subjects.container('web', 'migrate'), migrateReply());
    await cluster.answer(cluster.subjects.container('web', 'info'), containerInfo());
    await cluster.answer(cluster.subjects.job('j1', 'info'), undefined);
    const run = startCli(['migrate', 'web', 'n2'], env());
    await run.wrote(/still trying/);
    await cluster.publishJob('ended', endedJob('done'));
    expect((await run.ended).code).toBe(0);
  });

  it('goes on when its node answers again', async () => {
    await cluster.answer(cluster.subjects.container('web', 'migrate'), migrateReply());
    const run = startCli(['migrate', 'web', 'n2'], env());
    await run.wrote(/still trying/);
    await cluster.answer(cluster.subjects.job('j1', 'info'), info(job()));
    await run.wrote(/n1 answers again/);
    await cluster.publishJob('ended', endedJob('done'));
    expect((await run.ended).code).toBe(0);
  });

  it('is unknown, exit 9, when its node stays silent beyond the deadline', async () => {
    await cluster.answer(cluster.subjects.container('web', 'migrate'), migrateReply());
    const switching = containerInfo({ container: container({ phase: 'switching', state: 'frozen' }) });
    await cluster.answer(cluster.subjects.container('web', 'info'), switching);
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
    const run = startCli(['migrate', 'web', 'n2'], { ...env(), NATS_URL: fragile.url });
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
    const run = startCli(['migrate', 'web', 'n2', '--timeout', '1s'], { ...env(), NATS_URL: fragile.url });
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
    const run = startCli(['migrate', 'web', 'n2'], env());
    await run.wrote(/preflight on n1/);
    run.interrupt();
    const { code, signal, stdout, stderr } = await run.ended;
    expect({ code, signal, stdout }).toEqual({ code: 130, signal: null, stdout: '' });
    expect(stderr).toMatch(/godwit: detached; job j1 goes on\nhint: abort it with `godwit job abort j1`/);
    expect(cluster.requests.map(({ subject }) => subject)).not.toContain(cluster.subjects.job('j1', 'abort'));
  });

  it('detaches before the move was accepted, too', async () => {
    const asked = new Promise<void>((resolve) => {
      void cluster.answer(cluster.subjects.container('web', 'migrate'), () => {
        resolve();
        return undefined;
      });
    });
    await cluster.nats.flush();
    const run = startCli(['migrate', 'web', 'n2'], env());
    await asked;
    run.interrupt();
    const { code, stderr } = await run.ended;
    expect(code).toBe(130);
    expect(stderr).toContain('`godwit job ls` shows it');
  });

  it('ends job watch, which writes NDJSON and the result at the end', async () => {
    await cluster.answer(cluster.subjects.job('j1', 'info'), info(job()));
    const watch = startCli(['job', 'watch', 'j1'], env());
    await watch.wrote(/preflight on n1/);
    watch.interrupt();
    expect((await watch.ended).code).toBe(130);

    const stream = startCli(['job', 'watch', 'j1', '--json'], env());
    await stream.wrote(/"j1"/);
    await cluster.publishJob('ended', endedJob('aborted'));
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

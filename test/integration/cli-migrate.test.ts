import { describe, expect, it } from 'vitest';
import {
  type ErrorCode,
  ErrorDocument,
  GodwitError,
  MigrateReply,
  MigrateResult,
  type Outcome,
} from '../../protocol/mod.ts';
import { endedJob, job, migrateReply, preflight } from '../support/messages.ts';
import { useCli } from './support/cli-scene.ts';

const scene = useCli();
const { godwit, accepting } = scene;

describe('migrate', () => {
  it('follows the job by its events and sums up', async () => {
    await accepting(job(), endedJob('done'));
    const { code, stdout } = await godwit('migrate', 'web', 'n2');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^web moved n1 -> n2 \(postcopy\) in 3\.2 s\n {2}downtime: 240 ms\n/);
    const asked = scene.cluster.requests.map(({ subject }) => subject);
    expect(asked).toEqual([scene.cluster.subjects.container('web', 'migrate')]); // By events, not by polling.
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
    expect(scene.cluster.requests.at(0)?.body).toEqual({
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
    expect(scene.cluster.requests.at(0)?.body).not.toHaveProperty('target');
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
      await scene.cluster.answer(
        scene.cluster.subjects.container('web', 'migrate'),
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
    return scene.cluster.answer(scene.cluster.subjects.container('web', 'migrate'), reply);
  };

  it('prints both ends, the mode and the predicted downtime', async () => {
    await dry([]);
    const { code, stdout } = await godwit('migrate', 'web', 'n2', '--dry-run');
    expect(code).toBe(0);
    expect(stdout).toContain('downtime: about 240 ms');
    expect(scene.cluster.requests.at(0)?.body).toMatchObject({ dryRun: true });
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

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { parseDomain } from '../../../protocol/domain/mod.ts';
import type { Runner } from '../../effects/runner.ts';
import { createRunner } from '../../effects/system-runner.ts';
import type { Agent } from '../../migration/agent.ts';
import { replacedAt, trimReplaced } from './replaced.ts';

/** In the order in which they were replaced. */
const JOBS = ['zz1zz1zz1zz1', 'aa2aa2aa2aa2', 'mm3mm3mm3mm3', 'bb4bb4bb4bb4'] as const;
const [OLDEST, SECOND, THIRD, NEWEST] = JOBS;
const OTHERS = [
  'web',
  'web.replaced-by-hand',
  'web.replaced-keep',
  'web.replaced-20261130',
  'web.replaced-',
  'web.replaced-OF-A-PERSON',
  'web2.replaced-aa1aa1aa1aa1',
  'web.migrated',
];

let home: string;
let root: string;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'godwit-replaced-'));
  root = join(home, 'web');
  for (const job of JOBS) {
    mkdirSync(replacedAt(root, job));
    for (const file of ['a', 'b']) writeFileSync(join(replacedAt(root, job), file), job);
    // What it was last changed inside says nothing of when it was replaced.
    utimesSync(replacedAt(root, job), 0, 0);
    await sleep(20);
  }
  for (const other of OTHERS) mkdirSync(join(home, other));
  writeFileSync(join(home, 'web.replaced-ff9ff9ff9ff9'), '');
  mkdirSync(join(home, 'proc/1'), { recursive: true });
});
afterEach(() => rmSync(home, { recursive: true }));

const xmlWith = (path: string) =>
  `<domain type='lxc'><name>other</name><memory unit='MiB'>64</memory><os><type>exe</type><init>/bin/app</init></os>
  <devices><filesystem type='mount'><source dir='${path}'/><target dir='/'/></filesystem></devices></domain>`;
const using = (path: string) => ({ spec: parseDomain(xmlWith(path), { file: 'test' }) });
const at = (job: string) => replacedAt(root, job);

function agentWith(replaced: number | undefined, changes: object = {}) {
  return {
    config: { checkpoints: { replaced } },
    runner: createRunner(),
    containers: { list: () => [] },
    arriving: new Map(),
    runtime: { list: async () => [], describeForeign: vi.fn() },
    bus: { records: { list: async () => [] } },
    log: { info: vi.fn(), warn: vi.fn() },
    ...changes,
  } as unknown as Agent;
}

/** The jobs whose copies are not as they were. */
async function gone(agent: Agent, job: string = NEWEST): Promise<string[]> {
  await trimReplaced(agent, [root], job, join(home, 'proc'));
  for (const other of [...OTHERS, 'web.replaced-ff9ff9ff9ff9']) expect(readdirSync(home)).toContain(other);
  return JOBS.filter((job) => !existsSync(join(at(job), 'a')));
}

it.each([
  ['nothing without a setting', undefined, []],
  ['nothing where there are no more', 4, []],
  ['the oldest ones', 2, [OLDEST, SECOND]],
  ['all but the newest', 1, [OLDEST, SECOND, THIRD]],
])('removes %s, and nothing else', async (_, keep, jobs) => {
  expect(await gone(agentWith(keep))).toEqual(jobs);
  expect(readdirSync(home).filter((name) => name.includes('.removing-'))).toEqual([]);
});

it('keeps what this restore has replaced, whatever the clock says', async () => {
  expect(await gone(agentWith(1), OLDEST)).toEqual([SECOND, THIRD, NEWEST]);
});

it.each([
  ['a container of the node', (path: string) => ({ containers: { list: () => [using(path)] } })],
  ['one that arrives', (path: string) => ({ arriving: new Map([['j', using(path)]]) })],
  [
    'one of another node',
    (path: string) => ({
      bus: { records: { list: async () => [{ record: { name: 'other', spec: xmlWith(path) } }] } },
    }),
  ],
  [
    'one that is not of godwit',
    (path: string) => ({
      runtime: { list: async () => [{ name: 'foreign' }], describeForeign: async () => using(path) },
    }),
  ],
])('leaves what %s uses, or what lies in it', async (_, changes) => {
  expect(await gone(agentWith(1, changes(home)))).toEqual([]);
  expect(await gone(agentWith(1, changes(at(SECOND))))).toEqual([OLDEST, THIRD]);
});

it('leaves what a container reaches by another name', async () => {
  symlinkSync(at(SECOND), join(home, 'current'));
  const changes = { containers: { list: () => [using(join(home, 'current'))] } };
  expect(await gone(agentWith(1, changes))).toEqual([OLDEST, THIRD]);
});

it('leaves what a task of the node has mounted', async () => {
  writeFileSync(join(home, 'proc/1/mountinfo'), `70 69 8:1 ${at(SECOND)}/data / rw - ext4 /dev/sda1 rw`);
  expect(await gone(agentWith(1))).toEqual([OLDEST, THIRD]);
});

it.each([
  ['the store does not answer', { bus: { records: { list: () => Promise.reject(new Error('no store')) } } }],
  [
    'a container of somebody else cannot be described',
    {
      runtime: {
        list: async () => [{ name: 'foreign' }],
        describeForeign: () => Promise.reject(new Error('unknown')),
      },
    },
  ],
])('removes nothing while %s', async (_, changes) => {
  const agent = agentWith(1, changes);
  expect(await gone(agent)).toEqual([]);
  expect(agent.log.warn).toHaveBeenCalledTimes(1);
});

it('goes on with the next one when one cannot be removed, and later removes no whole one in its stead', async () => {
  const runner = createRunner();
  // As rm that is cut off: a part is gone, and the directory is the one that was changed last.
  const run: Runner['run'] = async (command) => {
    const path = command.args?.at(-1) ?? '';
    if (!path.endsWith(OLDEST)) return runner.run(command);
    rmSync(join(path, 'a'));
    return runner.run({ file: 'false', args: [], deadlineMs: 5_000 });
  };
  const agent = agentWith(2, { runner: { ...runner, run } });
  expect(await gone(agent)).toEqual([OLDEST, SECOND]);
  expect(agent.log.warn).toHaveBeenCalledTimes(1);
  const torso = join(home, `web.removing-${OLDEST}`);
  expect(readdirSync(torso)).toEqual(['b']);

  expect(await gone(agent)).toEqual([OLDEST, SECOND]);
  expect(await gone(agentWith(2))).toEqual([OLDEST, SECOND]);
  expect(existsSync(torso)).toBe(false);
});

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { noteRename } from '../../../agent/containers/rename-notes.ts';
import { formatDomain, parseDomain } from '../../../protocol/domain/mod.ts';
import { type MoveLab, startMoveLab, words } from '../support/moves.ts';

let lab: MoveLab;
beforeAll(async () => {
  lab = await startMoveLab();
});
afterAll(() => lab[Symbol.asyncDispose]());

const STEPS = ['is noted', 'has its new record', 'has lost its old record'] as const;

it.each(STEPS.map((step, index) => [step, index] as const))(
  'an agent that dies in a rename which %s: the container has one name afterwards',
  async (_step, reached) => {
    const [name, wanted] = [`old${reached}`, `new${reached}`];
    const { source, bus } = lab;
    await lab.run(name);
    await bus.request(words.container(name, 'stop'), {
      type: 'io.godwit.v1.container.stop.request',
      kill: true,
    });
    const seen = await bus.records.get(name);
    if (!seen) throw new Error('no record');
    const { uuid, spec } = seen.record;
    await source.stop();
    // What the steps of agent/containers/rename.ts leave, one after the other.
    await noteRename(join(source.dir, 'state'), { name, wanted, uuid, revision: seen.revision });
    const renamed = formatDomain({ ...parseDomain(spec, { file: name }), name: wanted });
    if (reached > 0) await bus.records.create({ ...seen.record, name: wanted, spec: renamed });
    if (reached > 1) await bus.records.remove(name, seen.revision);
    await source.start();

    const [stays, goes] = reached === 0 ? [name, wanted] : [wanted, name];
    const defined = (one: string) => existsSync(join(source.dir, 'lxc', one, 'config'));
    expect((await lab.info(stays)).container).toMatchObject({ uuid, owner: 'n1', phase: 'stopped' });
    expect(await bus.records.get(goes)).toBeUndefined();
    await expect.poll(() => [defined(stays), defined(goes)], { timeout: 20_000 }).toEqual([true, false]);
    await bus.request(words.container(stays, 'start'), { type: 'io.godwit.v1.container.start.request' });
    expect((await lab.info(stays)).container).toMatchObject({ state: 'running' });
    expect(existsSync(join(source.dir, 'state/renames', `${name}.json`))).toBe(false);
  },
);

it('an agent starts though notes of a rename cannot be read, and leaves them', async () => {
  const { source } = lab;
  await lab.run('kept');
  await source.stop();
  const dir = join(source.dir, 'state/renames');
  mkdirSync(dir, { recursive: true });
  for (const [at, text] of ['', '{', 'null', '[]', '{"name":"kept"}'].entries())
    writeFileSync(join(dir, `${at}.json`), text);
  await source.start();
  expect((await lab.info('kept')).container).toMatchObject({ owner: 'n1', state: 'running' });
  expect(readdirSync(dir)).toHaveLength(5);
});

it('a rename is noted on the disk before it begins', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'godwit-disk-'));
  const [image, then, disk] = [join(dir, 'image'), join(dir, 'then'), join(dir, 'disk')];
  const sh = (script: string) => execFileSync('bash', ['-euc', script], { encoding: 'utf8' });
  sh(
    `truncate -s 32M ${image}; mkfs.ext4 -q ${image}; mkdir ${disk}; mount -o loop,commit=300 ${image} ${disk}`,
  );
  try {
    await noteRename(disk, { name: 'old', wanted: 'new', uuid: 'u', revision: 1 });
    // What a power cut would leave: without what is in memory only.
    cpSync(image, then);
    sh(`umount ${disk}; mount -o loop ${then} ${disk}`);
    expect(readdirSync(join(disk, 'renames'))).toEqual(['old.json']);
  } finally {
    sh(`umount ${disk}`);
    rmSync(dir, { recursive: true });
  }
});

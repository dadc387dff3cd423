import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { endRulesOfRestore, rulesOfRestore } from './device-files.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-devices-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const spec = (...rules: string[]) => ({
  memoryBytes: 64 * 1024 * 1024,
  vcpus: 1,
  lxc: rules.map((rule) => {
    const [, file, value = ''] = /^(\w+) (.*)$/.exec(rule) ?? [];
    return { key: `lxc.cgroup.devices.${file}`, value };
  }),
});

it.each([
  ['nothing where nothing is forbidden', ['deny c 10:229 rw'], []],
  ['both where all is', ['deny a', 'allow c 1:3 rwm'], ['c *:* m', 'b *:* m']],
  ['both where all is, in more words', ['deny a *:* rwm'], ['c *:* m', 'b *:* m']],
  ['not what a rule gives, with more', ['deny a', 'allow c *:* rwm'], ['b *:* m']],
  ['not what a rule gives, with other blanks', ['deny a', 'allow b  *:*  rm'], ['c *:* m']],
  ['what a rule without it does not give', ['deny a', 'allow c *:* rw'], ['c *:* m', 'b *:* m']],
  ['what was given and taken back', ['deny a', 'allow c *:* m', 'deny c *:* m'], ['c *:* m', 'b *:* m']],
  ['what was given before all was forbidden', ['allow c *:* m', 'deny a'], ['c *:* m', 'b *:* m']],
  ['nothing where all is allowed at last', ['deny a', 'allow a'], []],
])('gives leave to make nodes for a restore, and takes it back: %s', async (_, rules, made) => {
  const given = rulesOfRestore(spec(...rules)).slice(rules.length);
  expect(given).toEqual(made.map((value) => ({ file: 'devices.allow', value })));
  writeFileSync(join(dir, 'devices.deny'), '');
  await endRulesOfRestore({ version: 'v1', dirs: { devices: dir } }, spec(...rules));
  // A plain file keeps what was written last.
  expect(readFileSync(join(dir, 'devices.deny'), 'utf8')).toBe(made.at(-1) ?? '');
});

it('leaves cgroup v2 alone', async () => {
  await endRulesOfRestore({ version: 'v2', dirs: { unified: dir } }, spec('deny a'));
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkout } from '../e2e/support/checkout.ts';

const UNITS = ['godwit-agent.service', 'godwit-drain.service'];
let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-units-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

/** What systemd has to say against the units; the programs they start need not be installed here. */
async function complaints(change: (text: string) => string = (text) => text): Promise<string[]> {
  const files = UNITS.map((unit) => {
    const text = readFileSync(join(checkout, 'deploy/systemd', unit), 'utf8');
    const file = join(dir, unit);
    writeFileSync(file, change(text).replaceAll(/\/usr\/bin\/godwit(-agent)?/g, '/bin/true'));
    return file;
  });
  const { stderr, exitCode } = await execa('systemd-analyze', ['verify', '--man=no', ...files], {
    reject: false,
  });
  const lines = stderr.split('\n').filter((line) => line.includes('godwit-'));
  return exitCode === 0 ? lines : [...lines, `exit ${exitCode}`];
}

it('systemd has nothing against the units', async () => {
  expect(await complaints()).toEqual([]);
});

it('and would say so', async () => {
  expect(
    await complaints((text) => text.replace('TimeoutStopSec=15min', 'TimeoutStopSec=never ever')),
  ).not.toEqual([]);
});

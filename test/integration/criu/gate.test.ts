import { mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeGate } from '../../../agent/criu/mod.ts';
import { systemClock } from '../../../agent/effects/system-clock.ts';
import { createRunner } from '../../../agent/effects/system-runner.ts';

const runner = createRunner();
const never = new AbortController().signal;
let dir: string;
let from: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-gate-'));
  from = join(dir, 'incoming');
  mkdirSync(from);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('makeGate', () => {
  it('holds a reader until the images are there, then shows it all of them', async () => {
    const gate = await open();
    const reader = read(gate.dir, 'cat inventory.img; cat pstree.img; cat inventory.img');
    await gate.reached(never);
    writeFileSync(join(from, 'pstree.img'), 'tree,');
    writeFileSync(join(from, 'inventory.img'), 'inventory,');
    await gate.open(from, never);
    expect((await reader).stdout).toBe('inventory,tree,inventory,');
    expect(statSync(join(gate.dir, 'inventory.img')).isFile()).toBe(true);
  });

  it('leads to the directory of the parent images by a path that does not leave the file system', async () => {
    const gate = await open();
    mkdirSync(join(from, 'parent'));
    writeFileSync(join(from, 'parent', 'pagemap-1.img'), 'pages');
    writeFileSync(join(from, 'inventory.img'), 'inventory');
    const reader = read(gate.dir, 'cat inventory.img parent/pagemap-1.img');
    await gate.open(from, never);
    expect((await reader).stdout).toBe('inventorypages');
    expect(readlinkSync(join(gate.dir, 'parent'))).toMatch(/^\.\.\//);
  });

  it('waits for a reader that comes late', async () => {
    const gate = await open();
    writeFileSync(join(from, 'inventory.img'), 'inventory');
    const opened = gate.open(from, never);
    expect((await read(gate.dir, 'sleep 0.1; cat inventory.img')).stdout).toBe('inventory');
    await opened;
    expect(readFileSync(join(gate.dir, 'inventory.img'), 'utf8')).toBe('inventory');
  });

  it('shuts a waiting reader out when it is closed', async () => {
    const gate = await open();
    const reader = read(gate.dir, 'cat inventory.img');
    await gate.reached(never);
    await gate.close();
    await gate.close();
    expect(await reader).toMatchObject({ exitCode: 0, stdout: '' });
    expect((await read(gate.dir, 'cat inventory.img')).exitCode).not.toBe(0);
  });

  it('stops waiting for a reader when the signal aborts', async () => {
    const gate = await open();
    const abort = new AbortController();
    const waiting = gate.reached(abort.signal).catch((error: unknown) => error);
    abort.abort(new Error('enough'));
    expect(await waiting).toEqual(new Error('enough'));
    await gate.close();
  });

  it('refuses images without an inventory, or with one that cannot be one', async () => {
    const gate = await open();
    await expect(gate.open(from, never)).rejects.toMatchObject({ code: 'RESTORE_FAILED' });
    writeFileSync(join(from, 'inventory.img'), 'x'.repeat(5_000));
    await expect(gate.open(from, never)).rejects.toMatchObject({ code: 'RESTORE_FAILED' });
    await gate.close();
  });
});

function open() {
  return makeGate({ runner, clock: systemClock, dir: join(dir, 'images') });
}

function read(cwd: string, script: string) {
  return runner.run({ file: 'sh', args: ['-c', script], cwd, deadlineMs: 10_000 });
}

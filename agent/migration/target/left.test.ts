import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Agent } from '../agent.ts';
import { assertNothingLeft } from './left.ts';

let runDir: string;
beforeEach(() => {
  runDir = mkdtempSync(join(tmpdir(), 'godwit-left-'));
});
afterEach(() => rmSync(runDir, { recursive: true }));

/** Whether a job may begin here. */
function begins(job: string, change: Partial<Pick<Agent, 'arriving' | 'sweeping'>> = {}): boolean {
  const agent = {
    arriving: new Map(),
    sweeping: new Set<string>(),
    config: { runDir, node: 'n2' },
    ...change,
  };
  try {
    assertNothingLeft(agent as unknown as Agent, job);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'MOVE_ABORTED' });
    return false;
  }
}

it('begins where nothing of this job is', () => {
  mkdirSync(join(runDir, 'jobs', 'other', 'target'), { recursive: true });
  const sweeping = new Set(['other']);
  expect(begins('mine', { sweeping })).toBe(true);
});

it('does not begin beside a move that an earlier agent left', () => {
  const arriving = new Map([['mine', {}]]) as unknown as Agent['arriving'];
  expect(begins('mine', { arriving })).toBe(false);
});

it('does not begin in a directory that nobody has swept yet, whatever is in it', () => {
  mkdirSync(join(runDir, 'jobs', 'mine'), { recursive: true });
  expect(begins('mine')).toBe(false);
});

it('does not begin where a sweep is just at work', () => {
  expect(begins('mine', { sweeping: new Set(['mine']) })).toBe(false);
});

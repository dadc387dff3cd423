import type { Command } from 'commander';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { recordedTerminal } from '../test/support/terminal.ts';
import { candidates, type Names } from './complete.ts';
import { buildProgram } from './program.ts';
import { VERBS } from './verbs.ts';

let program: Command;
beforeAll(async () => {
  program = await buildProgram([], { terminal: recordedTerminal(), exitCode: 0 }, { all: true });
});

async function completed(...words: string[]) {
  const ask = vi.fn(async (kind: Names) => [{ value: `${kind}-1`, text: '' }]);
  return (await candidates(program, words, ask)).map((candidate) => candidate.value);
}

describe('candidates', () => {
  it('are the commands at first, without the hidden ones', async () => {
    expect(await completed('')).toEqual(VERBS.map((verb) => verb.name));
    expect(await completed('de')).toEqual(['define']);
    expect(await completed('node', '')).toEqual(['ls', 'show', 'cordon', 'uncordon']);
  });

  it('are options of the command and the shared ones after a dash', async () => {
    const options = await completed('migrate', 'web', '--');
    expect(options).toContain('--max-downtime');
    expect(options).toContain('--json');
    expect(options).not.toContain('--password');
  });

  it('are the values an option takes', async () => {
    expect(await completed('migrate', '--mode', 'p')).toEqual(['precopy', 'postcopy']);
    expect(await completed('define', 'web.xml', '--node', '')).toEqual(['node-1']);
    expect(await completed('job', 'resolve', 'j1', '--keep', '')).toEqual(['node-1']);
    expect(await completed('migrate', '--timeout', '')).toEqual([]);
  });

  it('are names the bus knows, by position', async () => {
    expect(await completed('migrate', '')).toEqual(['container-1']);
    expect(await completed('migrate', '--timeout', '10m', 'web', '')).toEqual(['node-1']);
    expect(await completed('migrate', 'web', 'n2', '')).toEqual([]);
    expect(await completed('stop', 'a', 'b', '')).toEqual(['container-1']);
    expect(await completed('job', 'abort', '')).toEqual(['job-1']);
    expect(await completed('completion', 'z')).toEqual(['zsh']);
  });

  it('are none after --', async () => {
    expect(await completed('exec', 'web', '--', '')).toEqual([]);
  });
});

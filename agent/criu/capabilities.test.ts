import { describe, expect, it } from 'vitest';
import type { Command, Runner, RunResult } from '../effects/runner.ts';
import { createProbe, versionIn } from './capabilities.ts';

const ended: RunResult = {
  exitCode: 0,
  signal: null,
  stdout: '',
  stderr: '',
  timedOut: false,
  durationMs: 1,
};

describe('createProbe', () => {
  it('asks for features by criu check only, once, each with a deadline', async () => {
    const { runner, commands } = scripted(({ args }) =>
      args[0] === '--version'
        ? { stdout: 'Version: 4.2.1\nGitID: x\n' }
        : { exitCode: args[2] === 'mem_dirty_track' ? 1 : 0 },
    );
    const probe = createProbe(runner, '/opt/criu');
    const first = await probe();
    expect(first.version).toBe('4.2.1');
    expect(first.features).toMatchObject({ mem_dirty_track: false, 'uffd-noncoop': true });
    expect(first.networkLock).toBe('nftables');
    const asked = commands.length;
    await Promise.all([probe(), probe()]);
    expect(commands).toHaveLength(asked);
    expect(commands.every(({ file, deadlineMs }) => file === '/opt/criu' && deadlineMs > 0)).toBe(true);
    expect(commands.slice(1).every(({ args }) => args[0] === 'check' && args[1] === '--feature')).toBe(true);
  });

  it('locks with iptables where criu cannot use nftables', async () => {
    const { runner } = scripted(({ args }) =>
      args[0] === '--version'
        ? { stdout: 'Version: 3.19\n' }
        : { exitCode: args[2] === 'network_lock_nftables' ? 1 : 0 },
    );
    expect((await createProbe(runner, 'criu')()).networkLock).toBe('iptables');
  });

  it.each([
    ['missing', { exitCode: 127, stderr: 'ENOENT' }],
    ['hanging', { exitCode: null, timedOut: true }],
    ['talking garbage', { stdout: '\u0000\u0007 no criu at all' }],
  ])('a criu that is %s has no version, and is looked for again', async (_what, result) => {
    let installed = false;
    const { runner } = scripted(({ args }) => {
      if (!installed) return result;
      return args[0] === '--version' ? { stdout: 'Version: 4.2\n' } : {};
    });
    const probe = createProbe(runner, 'criu');
    expect(await probe()).toEqual({ version: '', features: {} });
    installed = true;
    expect((await probe()).version).toBe('4.2');
  });
});

describe('versionIn', () => {
  it.each([
    ['Version: 4.2.1\n', '4.2.1'],
    ['Version: 4.1.1-rc1\nGitID: v4.1\n', '4.1.1-rc1'],
    ['criu: command not found', ''],
  ])('%j', (output, version) => {
    expect(versionIn(output)).toBe(version);
  });
});

function scripted(answer: (command: Command) => Partial<RunResult>): { runner: Runner; commands: Command[] } {
  const commands: Command[] = [];
  const start = (command: Command) => {
    commands.push(command);
    return { pid: 1, ended: Promise.resolve({ ...ended, ...answer(command) }), kill: () => {} };
  };
  return { runner: { start, run: (command) => start(command).ended }, commands };
}

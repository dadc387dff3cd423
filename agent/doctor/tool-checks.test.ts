import { describe, expect, it } from 'vitest';
import type { Criu } from '../criu/mod.ts';
import type { Command, Runner } from '../effects/runner.ts';
import { systemClock } from '../effects/system-clock.ts';
import { runCheck } from './check.ts';
import { toolChecks } from './tool-checks.ts';

describe('toolChecks', () => {
  it('is content with a node that has everything', async () => {
    const results = await lookAt({ features: ['uffd-noncoop', 'mem_dirty_track', 'network_lock_nftables'] });
    expect(results.map(({ status }) => status)).toEqual(Array(7).fill('ok'));
    expect(results.map(({ message }) => message)).toContain('LXC 7.0.0');
  });

  it('says which modes are not possible, and goes on', async () => {
    const results = await lookAt({ features: ['network_lock_nftables'] });
    expect(named(results, 'post-copy')).toMatchObject({
      status: 'warning',
      hint: expect.stringContaining('USERFAULTFD'),
    });
    expect(named(results, 'pre-copy')).toMatchObject({
      status: 'warning',
      hint: expect.stringContaining('SOFT_DIRTY'),
    });
  });

  it('names missing programs', async () => {
    const results = await lookAt({
      features: [],
      missing: ['lxc-attach', 'nft', 'iptables-restore', 'perl', 'rsync'],
    });
    expect(named(results, 'lxc')).toMatchObject({ status: 'failed', message: 'lxc-attach missing' });
    expect(named(results, 'network-lock')).toMatchObject({ status: 'failed' });
    expect(named(results, 'kept-frames')).toMatchObject({
      status: 'warning',
      hint: expect.stringContaining('perl-base'),
    });
    expect(named(results, 'rsync')).toMatchObject({ status: 'warning' });
  });

  it('without criu, fails once and skips what needs it', async () => {
    const results = await lookAt({ version: '', features: [] });
    expect(named(results, 'criu')).toMatchObject({
      status: 'failed',
      hint: expect.stringContaining('Install'),
    });
    expect(named(results, 'post-copy').status).toBe('skipped');
  });
});

interface Node {
  readonly version?: string;
  readonly features: readonly string[];
  readonly missing?: readonly string[];
}

async function lookAt({ version = '4.2.1', features, missing = [] }: Node) {
  const capabilities = { criu: version, features: Object.fromEntries(features.map((name) => [name, true])) };
  const criu = { capabilities: async () => capabilities } as unknown as Criu;
  const run = async ({ file }: Command) => ({
    exitCode: missing.includes(file) ? 127 : 0,
    signal: null,
    stdout: file.startsWith('lxc') ? '7.0.0\n' : `${file} version v1.2.3\n`,
    stderr: '',
    timedOut: false,
    durationMs: 1,
  });
  const runner: Runner = { run, start: (command) => ({ pid: 1, ended: run(command), kill: () => {} }) };
  return Promise.all(toolChecks(runner, criu).map((check) => runCheck(systemClock, check)));
}

function named(results: Awaited<ReturnType<typeof lookAt>>, name: string) {
  return results.find((result) => result.name === name)!;
}

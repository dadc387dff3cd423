import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ErrorDocument, VersionDocument } from '../protocol/documents.ts';
import { recordedTerminal } from '../test/support/terminal.ts';
import { buildProgram, run } from './program.ts';
import { VERBS } from './verbs.ts';

async function cli(...argv: string[]) {
  const terminal = recordedTerminal({ env: { NATS_URL: 'nats://127.0.0.1:1' } });
  const code = await run(argv, terminal);
  return { code, out: terminal.stdout(), err: terminal.stderr() };
}

describe('run', () => {
  it.each([
    ['no command', []],
    ['an unknown command', ['fly']],
    ['an unknown option', ['ps', '--fast']],
    ['an unknown verb of a noun', ['node', 'fly']],
    ['a noun without a verb', ['node']],
    ['a missing argument', ['inspect']],
    ['an argument too many', ['inspect', 'a', 'b']],
    ['a bad format', ['ps', '-o', 'xml']],
    ['a bad mode', ['migrate', 'web', 'n2', '--mode', 'fast']],
    ['a bad duration', ['migrate', 'web', 'n2', '--max-downtime', '300']],
    ['a bad rate', ['migrate', 'web', 'n2', '--bandwidth', '1Gbit/s']],
    ['a bad number', ['migrate', 'web', 'n2', '--iterations', 'many']],
    ['a bad policy', ['migrate', 'web', 'n2', '--on-nonconverge', 'pray']],
    ['a bad container name', ['start', '../../etc/passwd']],
    ['a bad node id', ['migrate', 'web', '../n2']],
    ['a bad job id', ['job', 'show', 'a.b']],
    ['a bad cluster', ['--cluster', 'a.b', 'ps']],
    ['a bad shell', ['completion', 'tcsh']],
    ['no command to exec', ['exec', 'web', '--']],
  ])('exits 2 with one clear line for %s', async (_what, argv) => {
    const { code, out, err } = await cli(...argv);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^godwit: [^\n]+\n(hint: [^\n]+\n)?$/);
  });

  it('gives usage errors as a document with --json', async () => {
    const { code, err } = await cli('ps', '--json', '--fast');
    expect(code).toBe(2);
    expect(ErrorDocument.parse(JSON.parse(err))).toMatchObject({ code: 'USAGE' });
  });

  it('exits 6 when no server listens', async () => {
    const { code, err } = await cli('ps');
    expect(code).toBe(6);
    expect(err).toMatch(
      /^godwit: no NATS server answers at nats:\/\/127\.0\.0\.1:1: connection refused\nhint: /,
    );
  });

  it('prints its version without a bus', async () => {
    const { code, out } = await cli('version', '--json');
    expect(code).toBe(0);
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
    expect(VersionDocument.parse(JSON.parse(out))).toMatchObject({ version, protocol: 'v1' });
  });

  it('writes help to stdout and exits 0', async () => {
    for (const argv of [
      ['--help'],
      ['migrate', '--help'],
      ['node', '--help'],
      ['node', 'cordon', '--help'],
    ]) {
      const { code, out, err } = await cli(...argv);
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out).toMatch(/^Usage: godwit /);
    }
  });
});

describe('the commands', () => {
  it('have the same name, summary and order in the table and in their modules', async () => {
    const program = await buildProgram([], { terminal: recordedTerminal(), exitCode: 0 }, { all: true });
    const built = program.commands.map((command) => [command.name(), command.summary()]);
    expect(built.filter(([name]) => name !== '__complete')).toEqual(
      VERBS.map(({ name, summary }) => [name, summary]),
    );
  });

  it('are those of the README, and so are the exit codes', () => {
    const readme = readFileSync(new URL('./README.md', import.meta.url), 'utf8');
    const documented = [...readme.matchAll(/^\| `([a-z-]+)/gm)].map((row) => row[1]);
    expect([...new Set(documented)].sort()).toEqual(VERBS.map(({ name }) => name).sort());
    const codes = [...readme.matchAll(/^\| (\d+) +\|/gm)].map((row) => Number(row[1]));
    expect(codes).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 124, 130]);
  });
});

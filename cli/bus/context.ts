import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { GodwitError } from '../../protocol/errors.ts';

/** The settings of a context of the `nats` command line (ADR-21) that godwit honours. */
export interface NatsContext {
  readonly url?: string;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  readonly creds?: string;
  readonly nkey?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
  readonly inbox_prefix?: string;
}

const KEYS = [
  'url',
  'user',
  'password',
  'token',
  'creds',
  'nkey',
  'cert',
  'key',
  'ca',
  'inbox_prefix',
] as const;
const FILES: readonly string[] = ['creds', 'nkey', 'cert', 'key', 'ca'];

/**
 * The named context, or the one selected with `nats context select`; undefined when none is named or selected.
 * @throws GodwitError USAGE when the named one cannot be read
 */
export function loadContext(
  name: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): NatsContext | undefined {
  const home = env.HOME ?? homedir();
  const folder = join(env.XDG_CONFIG_HOME || join(home, '.config'), 'nats');
  const chosen = name ?? selectedName(join(folder, 'context.txt'));
  if (chosen === undefined) return undefined;
  if (!/^[^/\\\0]+$/.test(chosen) || chosen.includes('..')) {
    throw new GodwitError('USAGE', { problem: `'${chosen}' is not a NATS context name` });
  }
  return parseContext(chosen, readContext(chosen, join(folder, 'context', `${chosen}.json`)), home);
}

function selectedName(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim() || undefined;
  } catch {
    return undefined; // Nothing was ever selected.
  }
}

function readContext(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new GodwitError(
      'USAGE',
      { problem: `there is no NATS context '${name}' (${file})` },
      { cause: error },
    );
  }
}

function parseContext(name: string, text: string, home: string): NatsContext {
  const values = parseObject(name, text);
  if (typeof values.nsc === 'string' && values.nsc !== '') {
    throw new GodwitError('USAGE', {
      problem: `the NATS context '${name}' uses nsc, which godwit cannot read; export its credentials with \`nsc generate creds\``,
    });
  }
  const known = KEYS.filter((key) => typeof values[key] === 'string' && values[key] !== '');
  return Object.fromEntries(
    known.map((key) => [key, FILES.includes(key) ? expand(String(values[key]), home) : values[key]]),
  );
}

function parseObject(name: string, text: string): Readonly<Record<string, unknown>> {
  try {
    const values: unknown = JSON.parse(text);
    if (typeof values === 'object' && values !== null) return values as Record<string, unknown>;
  } catch {
    // Told below, like any other text that is not an object.
  }
  throw new GodwitError('USAGE', { problem: `the NATS context '${name}' is not a JSON object` });
}

function expand(path: string, home: string): string {
  return path === '~' || path.startsWith('~/') ? home + path.slice(1) : path;
}

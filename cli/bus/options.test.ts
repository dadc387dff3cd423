import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectionSettings } from './options.ts';

let home = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'godwit-home-'));
  mkdirSync(join(home, '.config/nats/context'), { recursive: true });
});
afterEach(() => rmSync(home, { recursive: true }));

function context(name: string, values: unknown): void {
  const text = typeof values === 'string' ? values : JSON.stringify(values);
  writeFileSync(join(home, `.config/nats/context/${name}.json`), text);
}
const select = (name: string): void => writeFileSync(join(home, '.config/nats/context.txt'), `${name}\n`);
const settings = (flags: Parameters<typeof connectionSettings>[0] = {}, env: Record<string, string> = {}) =>
  connectionSettings(flags, { HOME: home, ...env });

describe('connectionSettings', () => {
  it('is the local server and the default cluster when nothing is said', () => {
    expect(settings()).toEqual({
      servers: ['nats://127.0.0.1:4222'],
      cluster: 'default',
      login: {},
      tls: {},
      requestMs: 5_000,
    });
  });

  it('prefers flag over environment over named context over selected context', () => {
    context('chosen', { url: 'nats://chosen' });
    context('named', { url: 'nats://named' });
    select('chosen');
    expect(settings().servers).toEqual(['nats://chosen']);
    expect(settings({}, { NATS_CONTEXT: 'named' }).servers).toEqual(['nats://named']);
    expect(settings({ context: 'chosen' }, { NATS_CONTEXT: 'named' }).servers).toEqual(['nats://chosen']);
    expect(settings({}, { NATS_URL: 'nats://env' }).servers).toEqual(['nats://env']);
    expect(settings({ server: 'a:1, b:2' }, { NATS_URL: 'nats://env' }).servers).toEqual(['a:1', 'b:2']);
  });

  it('takes the login from one place only, never a mixture', () => {
    context('chosen', { user: 'context', password: 'secret', token: 'token' });
    select('chosen');
    expect(settings().login).toEqual({ user: 'context', password: 'secret', token: 'token' });
    expect(settings({}, { NATS_USER: 'env' }).login).toEqual({ user: 'env' });
    expect(settings({ creds: '/flag.creds' }, { NATS_USER: 'env' }).login).toEqual({
      credsFile: '/flag.creds',
    });
  });

  it('expands ~ in the files a context names and keeps its inbox prefix', () => {
    context('chosen', { creds: '~/user.creds', ca: '/etc/ca.pem', inbox_prefix: '_INBOX_op', color: 'red' });
    select('chosen');
    expect(settings()).toMatchObject({
      login: { credsFile: `${home}/user.creds` },
      tls: { caFile: '/etc/ca.pem' },
      inboxPrefix: '_INBOX_op',
    });
  });

  it('honours XDG_CONFIG_HOME', () => {
    context('named', { url: 'nats://named' });
    const env = { XDG_CONFIG_HOME: join(home, '.config'), HOME: '/nonexistent', NATS_CONTEXT: 'named' };
    expect(connectionSettings({}, env).servers).toEqual(['nats://named']);
  });

  it('takes cluster and time-out from the environment', () => {
    const env = { GODWIT_CLUSTER: 'lab', NATS_TIMEOUT: '750ms' };
    expect(settings({}, env)).toMatchObject({ cluster: 'lab', requestMs: 750 });
    expect(settings({ cluster: 'prod', requestTimeout: 9 }, env)).toMatchObject({
      cluster: 'prod',
      requestMs: 9,
    });
  });

  it.each([
    ['a context that is not there', { context: 'none' }, {}],
    ['a context outside its folder', { context: '../../etc/passwd' }, {}],
    ['a context that is no JSON', { context: 'text' }, {}],
    ['a context that is no object', { context: 'number' }, {}],
    ['a context that needs nsc', { context: 'nsc' }, {}],
    ['an empty server list', { server: ' , ' }, {}],
    ['a server that is no address', { server: 'nats://:x:y' }, {}],
    ['a time-out that is none', {}, { NATS_TIMEOUT: '5' }],
  ])('refuses %s in one line', (_what, flags, env) => {
    context('text', '{');
    context('number', '7');
    context('nsc', { nsc: 'nsc://o/a/u' });
    expect(() => settings(flags, env)).toThrow(
      expect.objectContaining({ code: 'USAGE', message: expect.stringMatching(/^[^\n]+$/) }),
    );
  });
});

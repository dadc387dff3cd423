import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Command } from '../../effects/runner.ts';
import type { Agent } from '../agent.ts';
import { Journal } from '../journal.ts';
import type { SourceNotes } from './notes.ts';
import { Presence } from './presence.ts';

const PID = 4711;
const LINKS = [
  { ifname: 'lo', flags: ['LOOPBACK', 'UP'] },
  { ifname: 'eth0', flags: ['BROADCAST', 'UP'] },
  { ifname: 'eth1', flags: ['BROADCAST', 'NOARP', 'UP'] },
];
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-presence-'));
  writeFileSync(join(dir, 'cgroup.procs'), `${PID}\n`);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A frozen container with two interfaces, and what was done to its network. */
function scene(moments: SourceNotes['moments'] = {}) {
  const did: string[] = [];
  const run = async ({ args, input = '' }: Command) => {
    did.push([...args.slice(2, 4), input.trim()].join(' ').trim());
    return { exitCode: 0, stdout: args.includes('-j') ? JSON.stringify(LINKS) : '', stderr: '' };
  };
  const log = pino({ level: 'silent' });
  const agent = { runner: { run }, clock: { sleep: async () => {} }, log } as unknown as Agent;
  const interfaces = ['eth0', 'eth1'].map((guestName) => ({
    guestName,
    mac: '52:54:00:00:00:01',
    addresses: [],
  }));
  const notes = {
    plan: { job: 'j1', owned: { spec: { interfaces } } },
    held: { initPid: PID, cgroup: { version: 'v2', dirs: { unified: dir } } },
    moments,
  } as unknown as SourceNotes;
  const journal = Journal.begin(join(dir, 'notes'), notes, log);
  return { did, journal, presence: new Presence(agent, journal), undo: async () => void did.push('undo') };
}

it('keeps the frozen copy silent, and no interface that was silent before is heard again after an undo', async () => {
  const { did, journal, presence, undo } = scene();
  await presence.end();
  expect(did).toEqual(['ip -j', 'ip -batch link set dev eth0 arp off']);
  expect(journal.notes.silent).toEqual(['eth0']);
  await presence.end();
  expect(did).toHaveLength(2);
  await presence.restore(undo);
  expect(did.slice(2)).toEqual(['ip -batch link set dev eth0 arp on', 'undo']);
});

it('tells the network where the container is once a copy of it may have been built elsewhere', async () => {
  const { did, presence, undo } = scene({ frozenAtMs: 1 });
  await presence.restore(undo);
  expect(did.slice(0, 2)).toEqual(['undo', 'perl -e']);
});

it('does nothing to the network of a container that is gone', async () => {
  const { did, presence, undo } = scene({ frozenAtMs: 1 });
  writeFileSync(join(dir, 'cgroup.procs'), '');
  await presence.end();
  await presence.restore(undo);
  expect(did).toEqual(['undo']);
});

/**
 * Runs inside a lab node (`node dist/test/e2e/support/criu-driver.js SCENARIO`) and drives the real criu classes there, on
 * the doctor's two processes with a TCP connection. Prints what it saw as one JSON document; the test outside asserts.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFifos, readLines } from '../../../agent/criu/fifo.ts';
import { createCriu, makeGate, openHooks } from '../../../agent/criu/mod.ts';
import { runDoctor } from '../../../agent/doctor/mod.ts';
import { openRoom, type Room } from '../../../agent/doctor/room.ts';
import { systemClock as clock } from '../../../agent/effects/system-clock.ts';
import { createRunner } from '../../../agent/effects/system-runner.ts';
import { toGodwitError } from '../../../protocol/mod.ts';

const runner = createRunner();
const criu = createCriu({ runner });
const WORK = '/run/godwit/criu-test';
const REPORT = join(WORK, 'report');
const never = new AbortController().signal;
const deadlineMs = 60_000;
const server = { address: '127.0.0.1', port: 7433 };

const scenarios = { doctor, 'failing-doctor': failingDoctor, cold, lazy, stopped, refused };

let heard: (line: string) => void = () => {};
await rm(WORK, { recursive: true, force: true });
await mkdir(WORK, { recursive: true });
await makeFifos(runner, WORK, ['report']);
const report = readLines(REPORT, (line) => heard(line));
const rooms: Room[] = [];
try {
  const scenario = scenarios[process.argv[2] as keyof typeof scenarios];
  console.log(JSON.stringify(await scenario()));
} finally {
  for (const room of rooms) await room.close();
  await report.close();
  await rm(WORK, { recursive: true, force: true });
}

async function doctor() {
  const checks = await runDoctor({ runner, criu, clock, runDir: '/run/godwit' });
  return { checks, capabilities: await criu.capabilities() };
}

/** The trials with a criu that always fails. */
async function failingDoctor() {
  const checks = await runDoctor({ runner, criu, clock, runDir: '/run/godwit', binary: '/bin/false' });
  return checks.filter(({ name }) => name.endsWith('-trial'));
}

/** Memory through a page-server while the hook holds criu, as in a cold move. */
async function cold() {
  const source = await enter('tree');
  await ask(source, source);
  const inside = createCriu({ runner: source.runner, networkLock: 'nftables' });
  const images = await made('images');
  const there = await made('there');
  const pages = inside.pageServer({
    imageDir: there,
    logFile: log('page-server'),
    port: server.port,
    deadlineMs,
  });
  await pages.ready;
  const hooks = await openHooks({ dir: join(WORK, 'hooks'), held: ['post-dump'], told: [], clock, runner });
  const dump = inside.dump({
    ...dumpOf(source, images),
    hook: hooks.script,
    transport: { kind: 'page-server', ...server },
  });
  const call = await hooks.called('post-dump', never);
  await pages.ended;
  await runner.run({ file: 'sh', args: ['-c', `cp ${images}/*.img ${there}/`], deadlineMs });
  await hooks.answer('post-dump', 'go');
  await dump.ready;
  await hooks.close();
  const target = await enter('empty');
  return {
    initPid: call.initPid === source.tree,
    stats: await criu.dumpStats(images),
    restored: await restore(target, there, []),
    verdict: await ask(target, source),
  };
}

/** Restore and daemon wait at their gates before the dump begins; the hook only tells. */
async function lazy() {
  const [source, target] = await Promise.all([enter('tree'), enter('empty')]);
  const inside = createCriu({ runner: source.runner, networkLock: 'nftables' });
  const images = await made('images');
  const [lazyGate, restoreGate] = await Promise.all(
    ['lazy', 'restore'].map((name) => makeGate({ runner, clock, dir: join(WORK, name) })),
  );
  const daemon = inside.lazyPages({
    ...server,
    imageDir: lazyGate!.dir,
    workDir: restoreGate!.dir,
    logFile: log('lazy-pages'),
    deadlineMs,
  });
  const restored = restore(target, restoreGate!.dir, ['--lazy-pages']);
  await Promise.all([lazyGate!.reached(never), restoreGate!.reached(never)]);

  const hooks = await openHooks({ dir: join(WORK, 'hooks'), held: [], told: ['post-dump'], clock, runner });
  const dump = inside.dump({
    ...dumpOf(source, images),
    hook: hooks.script,
    transport: { kind: 'lazy', ...server },
  });
  await Promise.all([hooks.called('post-dump', never), dump.ready]);
  await lazyGate!.open(images, never);
  await daemon.ready;
  await restoreGate!.open(images, never);
  const exitCode = await restored;
  const verdict = await ask(target, source);
  const ended = [await daemon.ended, await dump.ended].map((result) => result.exitCode);
  await hooks.close();
  const stats = await criu.dumpStats(images).catch((error: unknown) => toGodwitError(error).code);
  return { restored: exitCode, verdict, ended, stats };
}

/** The hook says stop: criu fails and the processes run on. */
async function stopped() {
  const source = await enter('tree');
  const inside = createCriu({ runner: source.runner, networkLock: 'nftables' });
  const images = await made('images');
  const hooks = await openHooks({ dir: join(WORK, 'hooks'), held: ['post-dump'], told: [], clock, runner });
  const dump = inside.dump({ ...dumpOf(source, images), hook: hooks.script, transport: { kind: 'local' } });
  await hooks.called('post-dump', never);
  await hooks.answer('post-dump', 'stop');
  const { exitCode } = await dump.ended;
  await hooks.close();
  return { exitCode, verdict: await ask(source, source), summary: await criu.explain(log('dump')) };
}

/** A process that criu cannot dump: a deleted file of 4 MiB that is still open. */
async function refused() {
  const room = await enter('empty');
  const program = `use POSIX; POSIX::setsid(); open F, '>', '${WORK}/ghost'; print F 'x' x (4 << 20);
    F->flush; unlink '${WORK}/ghost'; open S, '>', '${WORK}/pid'; print S $$; close S; sleep 1 while 1`;
  const child = room.runner.start({
    file: 'perl',
    args: ['-MIO::Handle', '-e', program],
    deadlineMs,
    silent: true,
  });
  const pid = await until(async () => {
    const { stdout } = await runner.run({ file: 'cat', args: [join(WORK, 'pid')], deadlineMs });
    return Number(stdout);
  });
  const inside = createCriu({ runner: room.runner });
  const images = await made('images');
  const dump = inside.dump({
    ...dumpOf({ ...room, tree: pid }, images),
    transport: { kind: 'local' },
  });
  const error = await dump.ready.then(
    () => undefined,
    (reason: unknown) => toGodwitError(reason).toWire(),
  );
  const alive =
    (await room.runner.run({ file: 'sh', args: ['-c', `kill -0 ${pid}`], deadlineMs })).exitCode === 0;
  child.kill('SIGKILL');
  return { error, alive };
}

async function enter(mode: 'tree' | 'empty'): Promise<Room> {
  const room = await openRoom({ runner, mode, report: REPORT, deadlineMs });
  rooms.push(room);
  return room;
}

/** What the restored client says of its connection and both memories. */
async function ask(room: Room, { tree }: Room): Promise<string> {
  const answer = new Promise<string>((resolve) => {
    heard = resolve;
  });
  await room.runner.run({ file: 'sh', args: ['-c', `kill -USR1 ${tree}`], deadlineMs });
  const late = new AbortController();
  const silence = clock.sleep(10_000, late.signal).then(
    () => 'no answer',
    () => 'answered',
  );
  const verdict = await Promise.race([answer, silence]);
  late.abort();
  return verdict;
}

function dumpOf(room: Room, imageDir: string) {
  const plan = { initPid: room.tree, args: ['-t', String(room.tree), '--tcp-established'] };
  return { plan, imageDir, logFile: log('dump'), deadlineMs };
}

async function restore(room: Room, imageDir: string, args: readonly string[]): Promise<number | null> {
  const { exitCode } = await room.runner.run({
    file: 'criu',
    args: ['restore', '-D', imageDir, '-o', log('restore'), '-v2', '-d', '--tcp-established', ...args],
    deadlineMs,
    detached: true,
    silent: true,
  });
  return exitCode;
}

async function made(name: string): Promise<string> {
  const dir = join(WORK, name);
  await mkdir(dir);
  return dir;
}

function log(name: string): string {
  return join(WORK, `${name}.log`);
}

async function until(look: () => Promise<number>): Promise<number> {
  for (;;) {
    const found = await look();
    if (found > 0) return found;
    await clock.sleep(20);
  }
}

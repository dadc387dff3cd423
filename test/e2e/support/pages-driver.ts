/**
 * Runs inside a lab node (`node dist/test/e2e/support/pages-driver.js hybrid|precopy MIB`): moves two processes between two
 * pid namespaces, with the real criu at both ends, our page service of the stopped processes and our page server in between.
 * `precopy`: the final dump has all that is dirty, and the restore is lazy all the same. Prints what it saw as one JSON
 * document.
 */
import { cp, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFifos, readLines } from '../../../agent/criu/fifo.ts';
import { createCriu } from '../../../agent/criu/mod.ts';
import type { Command, Runner } from '../../../agent/effects/runner.ts';
import { systemClock as clock } from '../../../agent/effects/system-clock.ts';
import { createRunner } from '../../../agent/effects/system-runner.ts';
import { innerPid } from '../../../agent/host/inner-pids.ts';
import { freePort } from '../../../agent/migration/free-port.ts';
import { pageServerHeaderBytes } from '../../../agent/preflight/versions.ts';
import { createMeter, openDataPort, openStream } from '../../../agent/transfer/mod.ts';
import { openPageServer, PageService, TaskMemory } from '../../../agent/transfer/pages/mod.ts';
import { markClean } from './pages-craft.ts';
import { PAGES_WORKLOAD } from './pages-workload.ts';

const WORK = '/run/godwit/pages-test';
const REPORT = join(WORK, 'report');
const ROOT_PID = 1001;
const PROCESSES = 2;
const deadlineMs = 60_000;
const runner = createRunner();
const signal = AbortSignal.timeout(deadlineMs);
const log = { debug: () => {}, warn: () => {} };
const ends: (() => unknown)[] = [];

await rm(WORK, { recursive: true, force: true });
for (const name of ['rounds/1', 'source', 'images']) await mkdir(join(WORK, name), { recursive: true });
await makeFifos(runner, WORK, ['report']);
const lines: string[] = [];
let heard: () => void = () => {};
const report = readLines(REPORT, (line) => {
  lines.push(line);
  heard();
});
try {
  console.log(JSON.stringify(await move(process.argv[2] === 'hybrid', Number(process.argv[3]))));
} finally {
  for (const end of ends.reverse()) await end();
  await report.close();
}

async function move(isHybrid: boolean, mib: number) {
  const [old, target] = [room('-e', PAGES_WORKLOAD, REPORT, String(mib)), room('-e', 'sleep 1 while 1')];
  const ready = (await told(PROCESSES)).map((line) => line.split(' ').map(Number));
  const round = join(WORK, 'rounds/1');
  const tree = { initPid: ROOT_PID, args: ['-t', String(ROOT_PID)] };
  const atSource = createCriu({ runner: old, logLevel: 4 });
  const common = { plan: tree, deadlineMs };
  const logOf = (name: string): string => join(WORK, `${name}.log`);
  const local = { kind: 'local' } as const;
  await atSource.dump({
    ...common,
    imageDir: round,
    logFile: logOf('round'),
    transport: local,
    leaveRunning: true,
  }).ready;
  await kill(old, 'USR1');
  const changed = await told(PROCESSES);

  const { criu: version } = await createCriu({ runner }).capabilities();
  const source = await pageSource();
  const server = await openPageServer({
    wire: pageServerHeaderBytes(version ?? ''),
    rounds: [round],
    ...(isHybrid ? { upstream: source.dial } : {}),
    clock,
    signal,
  });
  ends.push(() => server.close());

  const dumped = join(WORK, 'source');
  const port = await freePort();
  const transport = isHybrid ? ({ kind: 'lazy', address: '127.0.0.1', port } as const) : local;
  const startedMs = clock.monotonicMs();
  const dump = atSource.dump({ ...common, imageDir: dumped, logFile: logOf('dump'), transport });
  ends.push(() => dump.kill('SIGKILL'));
  await dump.ready;
  if (isHybrid) ends.push(await source.serve());

  const images = join(WORK, 'images');
  const dumpedMs = clock.monotonicMs();
  await cp(dumped, images, { recursive: true });
  const clean = markClean(images, round, (pid, page) => {
    const [, , at, pages, from, to] = ready.find(([, number]) => number === pid - ROOT_PID + 1) ?? [];
    const index = page - at! / 4096;
    return index >= 0 && index < pages! && (index < from! || index >= to!);
  });
  const craftedMs = clock.monotonicMs();
  const made = await server.begin(images);
  const begunMs = clock.monotonicMs();

  const daemon = createCriu({ runner: target, logLevel: 2 }).lazyPages({
    imageDir: images,
    workDir: WORK,
    logFile: logOf('lazy-pages'),
    address: '127.0.0.1',
    port: server.port,
    deadlineMs,
  });
  await daemon.ready;
  const args = ['restore', '-D', images, '-W', WORK, '-o', 'restore.log', '-v4', '-d', '--lazy-pages'];
  const restored = await target.run({ file: 'criu', args, deadlineMs, detached: true, silent: true });
  const restoredMs = clock.monotonicMs();
  if (restored.exitCode !== 0) throw new Error(await readFile(logOf('restore'), 'utf8'));
  await kill(target, 'USR2');
  await kill(target, 'USR1');
  const verdicts = (await told(2 * PROCESSES)).sort();
  const [received, done] = await Promise.all([server.received, server.done]);
  const { exitCode: ended } = await daemon.ended;
  const restoreLog = await readFile(logOf('restore'), 'utf8');
  return {
    version,
    changed: changed.sort(),
    clean: clean.map((name) => name.replace(/\d+/, 'N')).sort(),
    made,
    verdicts,
    received: { ...received, ms: Math.round(received.ms) },
    done,
    link: source.meter.bytes,
    ended,
    parents: restoreLog.match(/Opened local page read \d+ \(parent [1-9]/g)?.length ?? 0,
    ms: {
      dump: Math.round(dumpedMs - startedMs),
      begin: Math.round(begunMs - craftedMs),
      restore: Math.round(restoredMs - begunMs),
    },
  };
}

/** A pid and mount namespace with this Perl program in it; ends with the driver. */
function room(...args: string[]): Runner {
  const { pid, kill, ended } = runner.start({
    file: 'unshare',
    args: ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'perl', ...args],
    deadlineMs,
    detached: true,
    silent: true,
  });
  ends.push(async () => {
    kill('SIGKILL');
    await ended;
  });
  const spaces = [`--mount=/proc/${pid}/ns/mnt`, `--pid=/proc/${pid}/ns/pid_for_children`];
  const within = (command: Command): Command => ({
    ...command,
    file: 'nsenter',
    args: [...spaces, '--', command.file, ...command.args],
  });
  return { run: (command) => runner.run(within(command)), start: (command) => runner.start(within(command)) };
}

/** Signals both processes of the tree. */
async function kill(where: Runner, name: string): Promise<void> {
  const script = Array.from({ length: PROCESSES }, (_none, index) => `kill -${name} ${ROOT_PID + index}`);
  await where.run({ file: 'sh', args: ['-c', script.join('; ')], deadlineMs });
}

/** The next lines that the processes report. */
async function told(count: number): Promise<string[]> {
  while (lines.length < count) {
    signal.throwIfAborted();
    await Promise.race([
      new Promise<void>((resolve) => {
        heard = resolve;
      }),
      clock.sleep(1_000),
    ]);
  }
  return lines.splice(0, count);
}

/** A data port that hands out the memory of the processes, once they stand still. */
async function pageSource() {
  const port = await openDataPort({ host: '127.0.0.1', port: 0, clock, log });
  ends.push(() => port.close());
  const id = { job: 'job', kind: 'lazy', index: 0 } as const;
  const token = 'f00d'.repeat(16);
  const meter = createMeter({ clock });
  const peer = { host: '127.0.0.1', port: port.port, token };
  return {
    meter,
    dial: (stop: AbortSignal) => openStream({ peer, id, clock, signal: stop }),
    async serve() {
      const service = new PageService({ memory: await TaskMemory.open(await tasks()), meter, log });
      port.permit(id.job, token);
      port.accept(id, signal).then(
        (stream) => service.take(stream),
        () => {},
      );
      return () => service.close();
    },
  };
}

/** The processes that were dumped, by their pids in the images. */
async function tasks(): Promise<Map<number, number>> {
  const found = new Map<number, number>();
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const status = await readFile(join('/proc', name, 'status'), 'utf8').catch(() => '');
    const inner = innerPid(status) ?? 0;
    if (inner >= ROOT_PID && inner < ROOT_PID + PROCESSES) found.set(inner, Number(name));
  }
  return found;
}

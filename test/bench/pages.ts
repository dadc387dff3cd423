/**
 * The page server: how long it takes to read the rounds and to prepare the final images, and how fast it hands out and fetches.
 *   whole       clean pages in one round, in one piece
 *   fragmented  100,000 entries in the final dump and each of two rounds, neighbouring pages from different dumps
 *   dirty       everything from a source, through a data stream to a daemon that takes it in order
 * Usage: node dist/test/bench/pages.js [MIB] [RUNS]; prints medians. Needs 2.5 times MIB on /dev/shm.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { systemClock as clock } from '../../agent/effects/system-clock.ts';
import { ByteReader } from '../../agent/transfer/byte-reader.ts';
import { openDataPort, openStream } from '../../agent/transfer/mod.ts';
import { mmImage } from '../../agent/transfer/pages/mm-image.ts';
import { openPageServer } from '../../agent/transfer/pages/mod.ts';
import { EntryTable, encodePagemap } from '../../agent/transfer/pages/pagemap.ts';
import { COMMAND, PAGE_BYTES, PAGE_FLAGS, readHeader, writeHeader } from '../../agent/transfer/pages/wire.ts';

const MIB_PAGES = 256;
const BASE = 0x10000;
const PID = 7;
const WIRE = 32;
const FRAGMENTS = 100_000;
/** What a daemon asks for when no task waits. */
const REQUEST_PAGES = 1024;
const ID = { job: 'job', kind: 'lazy', index: 0 } as const;
const TOKEN = 'bench-token';
const { parent, lazy, present } = PAGE_FLAGS;
const signal: AbortSignal = new AbortController().signal;
const log = { debug: () => {}, warn: () => {} };

/** Figures of one run, by name. */
type Figures = Record<string, number>;

/** The other processes: a lazy-pages daemon, and a source behind a data port. */
const roles: Record<string, (port: number, pages: number) => Promise<void>> = {
  async daemon(port, pages) {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const reader = new ByteReader(socket);
    const header = Buffer.alloc(WIRE);
    const startedMs = clock.monotonicMs();
    for (let done = 0; done < pages; ) {
      const wanted = { pages: Math.min(pages - done, REQUEST_PAGES), page: BASE + done, id: PID };
      writeHeader(header, WIRE, { command: COMMAND.get, flags: 0, ...wanted });
      socket.write(header);
      const answer = readHeader(await reader.exactly(WIRE), WIRE);
      for (let left = answer.pages * PAGE_BYTES; left > 0; ) left -= (await reader.some(left)).length;
      done += answer.pages;
    }
    process.send?.(clock.monotonicMs() - startedMs);
    socket.destroy();
  },
  async source() {
    const data = await openDataPort({ host: '127.0.0.1', port: 0, clock, log });
    data.permit(ID.job, TOKEN);
    process.send?.(data.port);
    await answerAll(await data.accept(ID, signal)).catch(() => {});
    await data.close();
  },
};

/** Until the target ends. */
async function answerAll(stream: Duplex): Promise<void> {
  const reader = new ByteReader(stream);
  for (;;) {
    const { pages, page, id } = readHeader(await reader.exactly(WIRE), WIRE);
    const answer = Buffer.alloc(WIRE + pages * PAGE_BYTES, 1);
    writeHeader(answer, WIRE, { command: COMMAND.add, flags: present, pages, page, id });
    stream.write(answer);
  }
}

const cases: Record<string, (dir: string, pages: number) => Promise<Figures>> = {
  async whole(dir, pages) {
    const round = dump(join(dir, '1'), pages, pages, () => lazy | present);
    return serve(
      [round],
      dump(join(dir, '2'), pages, pages, () => parent),
      pages,
    );
  },
  async fragmented(dir) {
    const rounds = [
      dump(join(dir, '1'), FRAGMENTS, 1, (index) => (index % 2 === 0 ? lazy | present : present)),
      dump(join(dir, '2'), FRAGMENTS, 1, (index) => (index % 2 === 0 ? parent : lazy | present)),
    ];
    const final = dump(join(dir, '3'), FRAGMENTS, 1, (index) => (index % 2 === 0 ? parent : lazy | present));
    return serve(rounds, final, FRAGMENTS);
  },
  async dirty(dir, pages) {
    const final = dump(join(dir, '1'), pages, pages, () => lazy);
    const source = start('source');
    const [port] = (await once(source, 'message')) as [number];
    const peer = { host: '127.0.0.1', port, token: TOKEN };
    const upstream = (stop: AbortSignal) => openStream({ peer, id: ID, clock, signal: stop });
    const server = await openPageServer({ wire: WIRE, rounds: [], upstream, clock, signal });
    const cpu = process.cpuUsage();
    await server.begin(final);
    const [ms] = (await once(start('daemon', server.port, pages), 'message')) as [number];
    const spent = cpuSince(cpu);
    await server.close();
    await once(source, 'exit');
    return { 'MiB/s': (pages / MIB_PAGES / ms) * 1000, 'CPU s': spent };
  },
};

/** An image directory with one process, in entries of so many pages. */
function dump(dir: string, pages: number, each: number, flags: (index: number) => number): string {
  mkdirSync(dir);
  const entries = new EntryTable(0);
  let own = 0;
  for (let index = 0; index * each < pages; index += 1) {
    entries.add(BASE + index * each, each, flags(index));
    if (flags(index) & present) own += each;
  }
  writeFileSync(join(dir, `pagemap-${PID}.img`), encodePagemap({ pagesId: 1, entries }));
  const chunk = Buffer.alloc(MIB_PAGES * PAGE_BYTES, 1);
  for (let left = own; left > 0; left -= MIB_PAGES)
    writeFileSync(join(dir, 'pages-1.img'), chunk, { flag: 'a' });
  writeFileSync(join(dir, `mm-${PID}.img`), mmImage([[BASE, BASE + pages, 0x22]]));
  return dir;
}

/** Times the preparation, and a daemon that gets all pages, one request after the other. */
async function serve(rounds: string[], final: string, pages: number): Promise<Figures> {
  const loadingMs = clock.monotonicMs();
  const server = await openPageServer({ wire: WIRE, rounds, clock, signal });
  const beginningMs = clock.monotonicMs();
  await server.begin(final);
  const servingMs = clock.monotonicMs();
  const cpu = process.cpuUsage();
  const [ms] = (await once(start('daemon', server.port, pages), 'message')) as [number];
  const spent = cpuSince(cpu);
  const { answers } = server.progress;
  await server.close();
  return {
    'rounds ms': beginningMs - loadingMs,
    'begin ms': servingMs - beginningMs,
    'MiB/s': (pages / MIB_PAGES / ms) * 1000,
    'us an answer': (ms / answers) * 1000,
    'CPU s': spent,
  };
}

function start(role: string, port = 0, pages = 0) {
  return fork(fileURLToPath(import.meta.url), [role, String(port), String(pages)]);
}

function cpuSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

function median(values: number[]): number {
  return values.sort((one, other) => one - other)[Math.floor(values.length / 2)] as number;
}

async function main(mib: number, runs: number): Promise<void> {
  for (const [name, run] of Object.entries(cases)) {
    const results: Figures[] = [];
    for (let index = 0; index < runs; index += 1) {
      const dir = mkdtempSync('/dev/shm/godwit-bench-');
      try {
        results.push(await run(dir, mib * MIB_PAGES));
      } finally {
        rmSync(dir, { recursive: true });
      }
    }
    const figures = Object.keys(results[0] as Figures).map((key) => {
      const value = median(results.map((result) => result[key] as number));
      return `${key} ${value.toFixed(value < 10 ? 2 : 0)}`;
    });
    console.log(`${name.padEnd(12)}${figures.join('   ')}`);
  }
}

const [role = '1024', ...numbers] = process.argv.slice(2);
const child = roles[role];
if (child) await child(Number(numbers[0]), Number(numbers[1]));
else await main(Number(role), Number(numbers[0] ?? 3));

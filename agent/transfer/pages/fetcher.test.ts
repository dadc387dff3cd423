import { Duplex } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FakeClock } from '../fake-clock.ts';
import type { DataStream } from '../stream.ts';
import { Fetcher } from './fetcher.ts';
import { RemotePages } from './remote-pages.ts';
import { REMOTE, SegmentTable } from './segments.ts';
import { COMMAND, PAGE_BYTES, PAGE_FLAGS, readHeader, STREAM_WIRE, writeHeader } from './wire.ts';

/** Ranges of so many pages each, with a gap after each. */
const RANGES = 64;
const RANGE_PAGES = 32;
const STEP = 100;

let asked: { readonly page: number; readonly pages: number }[];
let streams: Duplex[];
let fetcher: Fetcher;
let pages: RemotePages;
let clock: FakeClock;

beforeEach(async () => {
  const table = new SegmentTable();
  for (let range = 0; range < RANGES; range += 1)
    table.add(range * STEP, RANGE_PAGES, REMOTE, range * RANGE_PAGES, true);
  await fetch(table, RANGES * RANGE_PAGES);
});

async function fetch(table: SegmentTable, total: number): Promise<void> {
  asked = [];
  streams = [];
  pages = new RemotePages(new Map([[1, table]]), total, { keep: false });
  clock = new FakeClock();
  const dial = async () => source() as unknown as DataStream;
  fetcher = new Fetcher({ dial, pages, eager: false, clock, arrived: () => {} });
  fetcher.done.catch(() => {});
  await setImmediate();
}

afterEach(() => fetcher.stop(new Error('the test is over')));

/** A source that answers when it is told to. */
function source(): Duplex {
  const stream = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      const { page, pages: count } = readHeader(chunk, STREAM_WIRE);
      asked.push({ page, pages: count });
      done();
    },
  });
  streams.push(stream);
  return stream;
}

/** The first request that was not answered yet is. */
async function answer(): Promise<void> {
  const run = asked.shift()!;
  const bytes = Buffer.alloc(STREAM_WIRE + run.pages * PAGE_BYTES);
  writeHeader(bytes, STREAM_WIRE, { command: COMMAND.add, flags: PAGE_FLAGS.present, ...run, id: 1 });
  streams.at(-1)!.push(bytes);
  await setImmediate();
}

const underWay = () => asked.reduce((sum, run) => sum + run.pages, 0);

it('asks for small ranges early, a window of them at a time', async () => {
  expect(streams.length).toBe(1);
  expect(underWay()).toBe(192);
  let answers = 0;
  for (; asked.length > 0; answers += 1) {
    expect(underWay()).toBeLessThanOrEqual(192);
    await answer();
  }
  expect(answers).toBe(RANGES);
  expect(pages.complete).toBe(true);
});

it('lets what somebody waits for overtake what is asked for early', async () => {
  const before = asked.length;
  fetcher.want(50 * RANGE_PAGES, 1);
  expect(asked[before]).toEqual({ page: 50 * STEP, pages: RANGE_PAGES });
  for (let answers = 0; answers < before; answers += 1) await answer();
  expect(asked).toEqual([{ page: 50 * STEP, pages: RANGE_PAGES }]);
  await answer();
  expect(asked[0]).toEqual({ page: 6 * STEP, pages: RANGE_PAGES });
});

it('asks again over the next connection for what did not come', async () => {
  await answer();
  asked = [];
  streams[0]!.destroy();
  await setImmediate();
  await clock.advance(100);
  await setImmediate();
  expect(streams.length).toBe(2);
  expect(asked.map(({ page }) => page)).toEqual([1, 2, 3, 4, 5, 6].map((range) => range * STEP));
});

it('fetches nothing for nobody right after a task has waited', async () => {
  fetcher.stop(new Error('another one is tried'));
  const table = new SegmentTable();
  table.add(0, 4096, REMOTE, 0, true); // Too much to be asked for early.
  await fetch(table, 4096);
  fetcher.want(0, 1);
  await answer();
  expect(asked).toEqual([]);
  await clock.advance(99);
  expect(asked).toEqual([]);
  await clock.advance(1);
  expect(asked[0]?.page).toBe(64);
});

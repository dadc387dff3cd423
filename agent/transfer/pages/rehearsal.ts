import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '../../effects/clock.ts';
import { ByteReader } from '../byte-reader.ts';
import { openDataPort } from '../data-port.ts';
import { problemOf, type TransferLog, transferFailed } from '../failure.ts';
import { createMeter } from '../meter.ts';
import { openStream } from '../open-stream.ts';
import { pagesFile } from './images.ts';
import { mmImage } from './mm-image.ts';
import { openPageServer } from './open-page-server.ts';
import { PageService } from './page-service.ts';
import { EntryTable, encodePagemap } from './pagemap.ts';
import { TaskMemory } from './task-memory.ts';
import {
  COMMAND,
  PAGE_BYTES,
  PAGE_FLAGS,
  readHeader,
  STATUS_BYTES,
  type WireFormat,
  writeHeader,
} from './wire.ts';

const PID = 1;
/** The first half is in the round, the second one at the source. */
const PAGES = 16;
const PRIVATE_ANONYMOUS = 0x22;
const WITHIN_MS = 4_000;

export interface RehearsalOptions {
  /** A directory to make, and to remove afterwards. */
  readonly dir: string;
  readonly wire: WireFormat;
  readonly clock: Clock;
  readonly log: TransferLog;
  /** On a machine that is too busy for it, it would only be in the way. */
  readonly withinMs?: number;
}

/**
 * Sends pages of this process to itself, by all the ways that a container's pages go. A process compiles code when it first
 * runs it, and here a frozen container, and then its first fault, would wait for that: measured, 38 ms of CPU time, of which
 * 30 ms are spared, and on an emulated machine seconds. Never rejects: without it a move is only slower.
 */
export async function rehearse(options: RehearsalOptions): Promise<void> {
  const { dir, clock, log } = options;
  const beganMs = clock.monotonicMs();
  try {
    await mkdir(dir, { mode: 0o700 });
    await perform(options).finally(() => rm(dir, { recursive: true }));
    log.debug({ ms: Math.round(clock.monotonicMs() - beganMs) }, 'the way of a page was rehearsed');
  } catch (error) {
    log.debug({ problem: problemOf(error) }, 'the way of a page could not be rehearsed');
  }
}

async function perform({ dir, wire, clock, log, withinMs = WITHIN_MS }: RehearsalOptions): Promise<void> {
  const signal = AbortSignal.timeout(withinMs);
  const first = (await endOfStack()) - PAGES;
  const [round, final] = await writeImages(dir, first);
  const source = await openSource({ clock, log, signal });
  const server = await openPageServer({ wire, rounds: [round], upstream: source.dial, clock, signal, log });
  try {
    await server.begin(final);
    await fetchAll(server.port, wire, first, signal);
    await server.done;
  } finally {
    await server.close();
    await source.close();
  }
}

/** A source whose one task is this process. */
async function openSource(
  options: Pick<RehearsalOptions, 'clock' | 'log'> & { readonly signal: AbortSignal },
) {
  const { clock, log, signal } = options;
  const id = { job: 'rehearsal', kind: 'lazy', index: 0 } as const;
  const memory = await TaskMemory.open(new Map([[PID, process.pid]]));
  const service = new PageService({ memory, meter: createMeter({ clock }), log });
  const port = await openDataPort({ host: '127.0.0.1', port: 0, clock, log });
  const token = randomBytes(32).toString('hex');
  port.permit(id.job, token);
  port.accept(id, signal).then(
    (stream) => service.take(stream),
    () => {},
  );
  return {
    dial: () => openStream({ peer: { host: '127.0.0.1', port: port.port, token }, id, clock, signal, log }),
    close: async () => {
      await service.close();
      await port.close();
    },
  };
}

/** A page of this process that is always there and stays where it is: the one after it. @throws GodwitError TRANSFER_FAILED */
async function endOfStack(): Promise<number> {
  const end = /^[0-9a-f]+-([0-9a-f]+) .*\[stack\]$/m.exec(await readFile('/proc/self/maps', 'utf8'))?.[1];
  if (end === undefined) throw transferFailed('this process has no stack');
  return Number.parseInt(end, 16) / PAGE_BYTES;
}

/** A round with all pages, and a final dump in which the second half is dirty. */
async function writeImages(dir: string, first: number): Promise<readonly [round: string, final: string]> {
  const { parent, lazy, present } = PAGE_FLAGS;
  const half = PAGES / 2;
  const round = join(dir, 'round');
  const final = join(dir, 'final');
  await writeDump(round, [[first, PAGES, lazy | present]], PAGES);
  await writeDump(
    final,
    [
      [first, half, parent],
      [first + half, half, lazy],
    ],
    0,
  );
  await writeFile(join(final, `mm-${PID}.img`), mmImage([[first, first + PAGES, PRIVATE_ANONYMOUS]]));
  return [round, final];
}

async function writeDump(
  dir: string,
  runs: readonly (readonly [page: number, pages: number, flags: number])[],
  contentPages: number,
): Promise<void> {
  const entries = new EntryTable(runs.length);
  for (const run of runs) entries.add(...run);
  await mkdir(dir);
  await writeFile(join(dir, `pagemap-${PID}.img`), encodePagemap({ pagesId: PID, entries }));
  await writeFile(pagesFile(dir, PID), Buffer.alloc(contentPages * PAGE_BYTES));
}

/** Does as criu's daemon: one page after the other, from the end, then goodbye. */
async function fetchAll(port: number, wire: WireFormat, first: number, signal: AbortSignal): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true, signal });
  const reader = new ByteReader(socket);
  const request = Buffer.alloc(wire);
  const ask = (command: number, pages: number, page: number): void => {
    writeHeader(request, wire, { command, flags: 0, pages, page, id: PID });
    socket.write(Buffer.from(request));
  };
  await once(socket, 'connect', { signal });
  for (let page = first + PAGES - 1; page >= first; page -= 1) {
    ask(COMMAND.get, 1, page);
    const { pages } = readHeader(await reader.exactly(wire), wire);
    await reader.exactly(pages * PAGE_BYTES);
  }
  ask(COMMAND.close, 0, 0);
  await reader.exactly(STATUS_BYTES);
  socket.destroy();
}

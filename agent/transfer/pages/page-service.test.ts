import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../effects/system-clock.ts';
import { ByteReader } from '../byte-reader.ts';
import { createMeter } from '../mod.ts';
import type { DataStream } from '../stream.ts';
import { NEVER, openPorts, type Ports, silentLog, TOKEN } from '../testing.ts';
import { PageService } from './page-service.ts';
import { TaskMemory } from './task-memory.ts';
import { COMMAND, isGoneAnswer, PAGE_BYTES, readHeader, STREAM_WIRE, writeHeader } from './wire.ts';

/** The pid that the process under test has in its images. */
const ID = 7;
const PAGES = 24;

/**
 * A process with areas of known pages, each word of which is the area's number and the page's: one that can be read and
 * written, one that cannot be read, one that is shared, one whose last half was never touched. Prints their addresses.
 */
const WORKLOAD = String.raw`
use strict; use warnings; use POSIX ();
my ($pages) = @ARGV;
my %call = (POSIX::uname())[4] eq 'aarch64'
  ? (read => 63, mmap => 222, mprotect => 226) : (read => 0, mmap => 9, mprotect => 10);
my @at;
for my $number (0 .. 3) {
  my $flags = $number == 2 ? 0x21 : 0x22;
  my $at = syscall($call{mmap}, 0, $pages * 4096, 3, $flags, -1, 0);
  for my $page (0 .. ($number == 3 ? $pages / 2 : $pages) - 1) {
    pipe(my $out, my $in);
    syswrite($in, pack('VV', $number, $page) x 512);
    syscall($call{read}, fileno($out), $at + $page * 4096, 4096) == 4096 or die "read: $!";
  }
  syscall($call{mprotect}, $at, $pages * 4096, 0) == 0 or die "mprotect: $!" if $number == 1;
  push @at, $at;
}
$| = 1;
print "@at\n";
sleep 1 while 1;
`;

describe.skipIf(process.getuid?.() !== 0)("a service of a process' pages (needs root)", () => {
  let ports: Ports;
  let task: ChildProcess;
  let areas: number[];
  let service: PageService;
  let dials: number;

  beforeEach(async () => {
    ports = await openPorts();
    task = spawn('perl', ['-e', WORKLOAD, String(PAGES)], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(task.stdout!, 'data')) as [Buffer];
    areas = String(line)
      .trim()
      .split(' ')
      .map((at) => Number(at) / PAGE_BYTES);
    const memory = await TaskMemory.open(new Map([[ID, task.pid!]]));
    service = new PageService({ memory, meter: createMeter({ clock: systemClock }), log: silentLog });
    ports.target.permit('job', TOKEN);
    dials = 0;
    serve().catch(() => {});
  });

  afterEach(async () => {
    task.kill('SIGKILL');
    await service.close();
    await ports.close();
  });

  async function serve(): Promise<void> {
    for (;;) service.take(await ports.target.acceptNext('job', 'lazy', NEVER));
  }

  function dial(): Promise<DataStream> {
    const peer = { host: '127.0.0.1', port: ports.target.port, token: TOKEN };
    return ports.source.open(peer, { job: 'job', kind: 'lazy', index: dials++ }, NEVER);
  }

  function ask(stream: DataStream, page: number, pages: number, id = ID): void {
    const header = Buffer.alloc(STREAM_WIRE);
    writeHeader(header, STREAM_WIRE, { command: COMMAND.get, flags: 0, pages, page, id });
    stream.write(header);
  }

  async function closed(stream: DataStream): Promise<void> {
    if (!stream.closed) await once(stream, 'close').catch(() => {});
  }

  async function answer(reader: ByteReader) {
    const header = readHeader(await reader.exactly(STREAM_WIRE), STREAM_WIRE);
    return { ...header, content: await reader.exactly(header.pages * PAGE_BYTES) };
  }

  const content = (area: number, page: number): Buffer => {
    const word = Buffer.alloc(8);
    if (area < 3 || page < PAGES / 2) {
      word.writeUInt32LE(area, 0);
      word.writeUInt32LE(page, 4);
    }
    return Buffer.concat(Array<Buffer>(PAGE_BYTES / 8).fill(word));
  };

  it('gives what the memory holds: private, protected, shared, and zeros where nothing ever was', async () => {
    const stream = await dial();
    const reader = new ByteReader(stream);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(3),
        fc.nat(PAGES - 1),
        fc.integer({ min: 1, max: 30 }),
        async (area, first, count) => {
          const pages = Math.min(count, PAGES - first);
          ask(stream, areas[area]! + first, pages);
          const got = await answer(reader);
          expect(got).toMatchObject({ page: areas[area]! + first, pages, id: ID });
          for (let page = 0; page < pages; page += 1)
            expect(
              got.content
                .subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES)
                .equals(content(area, first + page)),
            ).toBe(true);
        },
      ),
      { numRuns: 40 },
    );
    stream.end();
    await closed(stream);
  });

  it('goes on over another connection when one breaks, and gives up the one before', async () => {
    const first = await dial();
    ask(first, areas[0]!, 1);
    await answer(new ByteReader(first));
    const second = await dial();
    ask(second, areas[0]! + 1, 1);
    expect((await answer(new ByteReader(second))).content).toEqual(content(0, 1));
    await closed(first);
    expect(first.errored?.message).toContain('another connection');
    second.destroy();
    const third = await dial();
    ask(third, areas[0]! + 2, 1);
    expect((await answer(new ByteReader(third))).content).toEqual(content(0, 2));
  });

  it.each(['a task that has died', 'a task that never was', 'an address where nothing is'])(
    'says that %s has no pages any more',
    async (what) => {
      const stream = await dial();
      if (what === 'a task that has died') {
        task.kill('SIGKILL');
        await once(task, 'exit');
      }
      ask(stream, what.startsWith('an address') ? 1 : areas[0]!, 1, what.includes('never') ? ID + 1 : ID);
      const header = readHeader(await new ByteReader(stream).exactly(STREAM_WIRE), STREAM_WIRE);
      expect(isGoneAnswer(header)).toBe(true);
    },
  );

  it('ends with everything that was asked for and not answered', async () => {
    const stream = await dial();
    for (let count = 0; count < 200; count += 1) ask(stream, areas[0]!, PAGES);
    await answer(new ByteReader(stream));
    await service.close();
    await closed(stream);
    await closed(await dial());
  });

  it('takes anything from a target: it answers or ends the connection, and the next one finds it well', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 80 }), { minLength: 1, maxLength: 8 }),
        async (pieces) => {
          const stream = await dial();
          stream.on('error', () => {}).resume();
          for (const piece of pieces) stream.write(piece);
          stream.end();
          await closed(stream);
        },
      ),
      { numRuns: 30 },
    );
    const stream = await dial();
    ask(stream, areas[2]!, 1);
    expect((await answer(new ByteReader(stream))).content).toEqual(content(2, 0));
  });
});

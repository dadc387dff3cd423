import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WireFormat } from './mod.ts';
import { decodePagemap, encodePagemap } from './pagemap.ts';
import { FakeDaemon } from './testing/fake-criu.ts';
import { arbitraryDumps, entriesOf, pageContent, pagemapOf, type Truth, truths } from './testing/images.ts';
import { allOf, BASES, PAGES, Scene } from './testing/scene.ts';
import { PAGE_BYTES } from './wire.ts';

describe('the page server', { timeout: 60_000 }, () => {
  let scene: Scene;

  beforeEach(async () => {
    scene = await Scene.open();
  });

  afterEach(() => scene.close());

  /** Checks the rewritten images of a process against the truth; returns its lazy runs. */
  function checkImages(final: string, pid: number, pages: readonly Truth[]) {
    const base = BASES.get(pid)!;
    const pagemap = decodePagemap(readFileSync(join(final, `pagemap-${pid}.img`)));
    const eager = readFileSync(join(final, `pages-${pagemap.pagesId}.img`));
    const runs: [number, number, number][] = [];
    const seen = new Map<number, boolean>();
    let at = 0;
    for (const [page, count, flags] of entriesOf(pagemap)) {
      for (let index = 0; index < count; index += 1) {
        seen.set(page + index, flags === 2);
        if (flags !== 4) continue;
        const { version } = pages[page + index - base]!;
        const content = eager.subarray(at, at + PAGE_BYTES);
        expect(content.equals(pageContent(pid, page + index, version))).toBe(true);
        at += PAGE_BYTES;
      }
      if (flags === 2) runs.push([pid, page, count]);
    }
    expect(at).toBe(eager.length);
    pages.forEach((truth, index) => {
      expect(seen.get(base + index)).toBe(truth?.lazy);
    });
    return runs;
  }

  it('hands out every page as it should be, in any order, and fetches none twice', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc
          .integer({ min: 0, max: 3 })
          .chain((rounds) => fc.tuple(...[...BASES].map(() => arbitraryDumps(PAGES, rounds)))),
        fc.record({
          wire: fc.constantFrom<WireFormat>(24, 32),
          remote: fc.boolean(),
          width: fc.integer({ min: 1, max: 5 }),
          atMost: fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }),
          cuts: fc.array(fc.integer({ min: 1, max: 15 }), { minLength: 1 }),
          order: fc.array(fc.nat(), { minLength: 1 }),
        }),
        async (dumps, { wire, remote, width, atMost, cuts, order }) => {
          run += 1;
          const processes = new Map([...BASES.keys()].map((pid, index) => [pid, dumps[index]!]));
          const { final, rounds, truth } = scene.writeAll(`run${run}`, processes, remote);
          const version = rounds.length + 1;
          const short = (answer: number): number => atMost[answer % atMost.length]!;
          const { stream, fake } = await scene.source({ truth, rounds, final }, { atMost: short });
          const upstream = remote ? { upstream: async () => stream } : {};
          const server = await scene.server({ wire, rounds, ...upstream });
          const daemon = new FakeDaemon(server.port, wire);
          const report = await server.begin(final);

          const whole = [...truth].flatMap(([pid, pages]) => checkImages(final, pid, pages));
          const pieces = whole.flatMap(([pid, page, count]) => {
            const parts: [number, number, number][] = [];
            for (let at = 0; at < count; at += parts.at(-1)![2])
              parts.push([pid, page + at, Math.min(count - at, cuts[(page + at) % cuts.length]!)]);
            return parts;
          });
          const keyed = pieces.map((piece, index) => ({ piece, key: order[index % order.length]! }));
          keyed.sort((one, other) => one.key - other.key);
          const got = new Set<string>();
          await daemon.fetchAll(
            keyed.map(({ piece }) => piece),
            width,
            (pid, page, content) => {
              const { version: wanted } = truth.get(pid)![page - BASES.get(pid)!]!;
              expect(content.equals(pageContent(pid, page, wanted))).toBe(true);
              got.add(`${pid}/${page}`);
            },
          );
          const pagesOf = (list: readonly Truth[], has: (page: NonNullable<Truth>) => boolean): number =>
            list.filter((page) => page !== undefined && has(page)).length;
          const all = [...truth.values()].flat();
          expect(got.size).toBe(pagesOf(all, (page) => page.lazy));
          const remotePages = remote ? pagesOf(all, (page) => page.lazy && page.version === version) : 0;
          expect(report).toMatchObject({
            processes: 2,
            remotePages,
            localPages: got.size - remotePages,
            eagerPages: pagesOf(all, (page) => !page.lazy),
          });

          expect(await daemon.close()).toBe(0);
          expect(await server.received).toMatchObject({ bytes: remotePages * PAGE_BYTES });
          if (remote) expect(await fake.ended).toBe('closed');
          expect(fake.sent.length).toBe(remotePages);
          expect(new Set(fake.sent).size).toBe(remotePages);
          expect(await server.done).toMatchObject({
            remoteBytes: remotePages * PAGE_BYTES,
            receivedBytes: remotePages * PAGE_BYTES,
            servedBytes: got.size * PAGE_BYTES,
          });
          await server.close();
          stream.destroy();
        },
      ),
      { numRuns: 60 },
    );
  });

  it('gives a page again, as a forked child of the process asks for it', async () => {
    const written = scene.simple(['dirty']);
    const { final, rounds } = written;
    const { stream, fake } = await scene.source(written);
    const server = await scene.server({ rounds, upstream: async () => stream });
    await server.begin(final);
    const daemon = new FakeDaemon(server.port, 32);
    const contents: Buffer[] = [];
    await daemon.fetchAll(
      [
        [11, 0x7f03, 1],
        [11, 0x7f03, 1],
      ],
      2,
      (_pid, _page, content) => contents.push(content),
    );
    expect(contents[0]!.equals(contents[1]!)).toBe(true);
    await server.received;
    expect(fake.sent.length).toBe(PAGES);
  });

  it('fetches what somebody waits for before all that nobody waits for', async () => {
    const written = scene.simple(['dirty']);
    const { final, rounds } = written;
    const { stream, fake } = await scene.source(written, { atMost: () => 1 });
    const server = await scene.server({ rounds, upstream: async () => stream });
    const daemon = new FakeDaemon(server.port, 32);
    daemon.ask(11, 0x7f00 + 30, 1);
    await server.begin(final);
    const answer = await daemon.answer();
    expect(answer.content.equals(pageContent(11, 0x7f00 + 30, 2))).toBe(true);
    expect(fake.sent.indexOf(`11/${0x7f00 + 30}`)).toBeLessThan(3);
    await server.received;
    expect(server.progress.waits).toBe(1);
  });

  it('when the pages are gone: silence for what is missing, the rest is handed out, and the end only after beforeClose', async () => {
    const written = scene.simple([['dirty', 'clean']]);
    const { final, rounds } = written;
    const { stream, fake } = await scene.source(written, { atMost: () => 4, goneAt: 3 });
    let safe: () => void = () => {};
    const failures: unknown[] = [];
    const beforeClose = (error: unknown): Promise<void> => {
      failures.push(error);
      return new Promise((resolve) => {
        safe = resolve;
      });
    };
    const server = await scene.server({ rounds, upstream: async () => stream, beforeClose });
    const daemon = new FakeDaemon(server.port, 32);
    await server.begin(final);
    await expect(server.received).rejects.toMatchObject({ code: 'TRANSFER_FAILED' });
    expect(await fake.ended).toBe('gone');
    const here = server.progress.receivedBytes / PAGE_BYTES;
    expect(here).toBeGreaterThan(0);
    expect(here).toBeLessThan(PAGES / 2);
    const runs = [
      [11, 0x7f00, here],
      [11, 0x7f00 + PAGES / 2, PAGES / 2],
    ] as const;
    await daemon.fetchAll(runs, 1, (pid, page, content) => {
      const version = page < 0x7f00 + PAGES / 2 ? 2 : 1;
      expect(content.equals(pageContent(pid, page, version))).toBe(true);
    });
    daemon.ask(11, 0x7f00 + here, 1);
    expect(await daemon.within(100)).toBe('silent');
    expect(failures).toMatchObject([{ code: 'TRANSFER_FAILED' }]);
    safe();
    await expect(server.done).rejects.toMatchObject({ code: 'TRANSFER_FAILED' });
  });

  it('stays open and silent when what depends on it cannot be made safe, until it is told to end', async () => {
    const written = scene.simple(['dirty']);
    const { final, rounds } = written;
    const { stream } = await scene.source(written, { goneAt: 0 });
    const beforeClose = (): Promise<void> => Promise.reject(new Error('cannot freeze'));
    const server = await scene.server({ rounds, upstream: async () => stream, beforeClose });
    const daemon = new FakeDaemon(server.port, 32);
    await server.begin(final);
    await expect(server.done).rejects.toMatchObject({ code: 'TRANSFER_FAILED' });
    daemon.ask(11, 0x7f00, 1);
    expect(await daemon.within(100)).toBe('silent');
    scene.aborting.abort(new Error('enough'));
    expect(await daemon.within(5_000)).toBe('ended');
  });

  it('takes a daemon that goes away for a defect of this node, not of the source', async () => {
    const written = scene.simple(['dirty']);
    const { final, rounds } = written;
    const { stream } = await scene.source(written, { atMost: () => 1 });
    const failures: unknown[] = [];
    const server = await scene.server({
      rounds,
      upstream: async () => stream,
      beforeClose: async (error) => void failures.push(error),
    });
    const daemon = new FakeDaemon(server.port, 32);
    await server.begin(final);
    daemon.end();
    await expect(server.done).rejects.toMatchObject({ code: 'RESTORE_FAILED' });
    expect(failures).toMatchObject([{ code: 'RESTORE_FAILED' }]);
  });

  it('ends at once with the signal', async () => {
    const written = scene.simple(['dirty']);
    const { final, rounds } = written;
    const { stream } = await scene.source(written, { atMost: () => 1 });
    const server = await scene.server({
      rounds,
      upstream: async () => stream,
      beforeClose: () => new Promise(() => {}),
    });
    const daemon = new FakeDaemon(server.port, 32);
    await server.begin(final);
    scene.aborting.abort(new Error('enough'));
    expect(await daemon.within(5_000)).toBe('ended');
    await expect(server.done).rejects.toThrow('enough');
    await expect(server.received).rejects.toThrow('enough');
  });

  it('after pre-copy it needs no source', async () => {
    const { final, rounds } = scene.simple(['clean', 'dirty'], false);
    const server = await scene.server({ rounds });
    expect(await server.begin(final)).toMatchObject({ remotePages: 0, localPages: PAGES });
    expect(await server.received).toMatchObject({ bytes: 0 });
    const daemon = new FakeDaemon(server.port, 32);
    expect(await daemon.close(0x1024)).toBe(0);
    await server.done;
  });

  it('refuses images that do not fit together', async () => {
    const { final, rounds } = scene.simple(['dirty']);
    const noSource = await scene.server({ rounds });
    await expect(noSource.begin(final)).rejects.toMatchObject({ code: 'TRANSFER_FAILED' });
    await expect(noSource.done).rejects.toMatchObject({ code: 'TRANSFER_FAILED' });

    const { final: clean } = scene.simple(['clean']);
    const noRounds = await scene.server({});
    await expect(noRounds.begin(clean)).rejects.toThrow(/pagemap|is in no round/);

    writeFileSync(join(rounds[0]!, 'pages-11.img'), 'short');
    await expect(scene.server({ rounds })).rejects.toThrow(/has not the 40 pages/);
    writeFileSync(join(rounds[0]!, 'pagemap-11.img'), 'garbage');
    await expect(scene.server({ rounds })).rejects.toThrow(/pagemap-11.img: not an image/);
    await expect(scene.server({ rounds: [join(scene.dir, 'none')] })).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
    });
  });

  it('links what the rounds have of shared memory, newest first, if any of it is clean', async () => {
    const { final, rounds } = scene.writeAll(
      'shared',
      new Map([[11, truths([allOf('dirty'), allOf('clean'), allOf('clean')]).dumps]]),
      false,
    );
    const shared = (flags: number, pagesId: number) => encodePagemap(pagemapOf([[0, 1, flags]], pagesId));
    for (const [at, flags] of [...rounds, final].map((path, index) => [path, index === 0 ? 4 : 1] as const)) {
      writeFileSync(join(at, 'pagemap-shmem-5.img'), shared(flags, 77));
      writeFileSync(join(at, 'pages-77.img'), `shared of ${at}`);
    }
    const server = await scene.server({ rounds });
    await server.begin(final);
    for (const [path, round] of [
      ['parent', rounds[1]],
      ['parent/parent', rounds[0]],
    ] as const) {
      expect(readFileSync(join(final, path, 'pages-77.img'), 'utf8')).toBe(`shared of ${round}`);
      expect(readFileSync(join(final, path, 'pagemap-shmem-5.img'))).toEqual(
        shared(round === rounds[0] ? 4 : 1, 77),
      );
    }
    // What the rounds have of processes is ours to hand out.
    expect(readdirSync(join(final, 'parent/parent')).sort()).toEqual([
      'pagemap-shmem-5.img',
      'pages-77.img',
      'parent',
    ]);
    expect(readFileSync(join(final, 'pages-77.img'), 'utf8')).toBe(`shared of ${final}`);
  });

  it('leaves an empty parent for each process, so that transparent huge pages are off', async () => {
    const { final, rounds } = scene.simple(['clean'], false);
    const server = await scene.server({ rounds });
    await server.begin(final);
    const names = readdirSync(join(final, 'parent')).sort();
    expect(names).toEqual(
      ['own-11.img', 'pagemap-11.img', 'pages-2147483647.img'].filter((name) => names.includes(name)),
    );
    const parent = decodePagemap(readFileSync(join(final, 'parent/pagemap-11.img')));
    expect([parent.pagesId, parent.entries.length]).toEqual([2 ** 31 - 1, 0]);
  });
});

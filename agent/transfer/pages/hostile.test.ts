import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openPair } from '../testing.ts';
import { FakeDaemon } from './testing/fake-criu.ts';
import { Scene } from './testing/scene.ts';
import { COMMAND, writeHeader } from './wire.ts';

describe('the page server', { timeout: 60_000 }, () => {
  let scene: Scene;

  beforeEach(async () => {
    scene = await Scene.open();
  });

  afterEach(() => scene.close());

  it('takes anything from a daemon: it answers, waits or gives up, and says so once', async () => {
    let number = 0;
    const piece = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 100 }),
      fc
        .record({ page: fc.integer({ min: 0x7eff, max: 0x7f29 }), pages: fc.integer({ min: 0, max: 100 }) })
        .map(({ page, pages }) => {
          const header = Buffer.alloc(32);
          writeHeader(header, 32, { command: COMMAND.get, flags: 0, pages, page, id: 11 });
          return header;
        }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 20 }), async (pieces) => {
        number += 1;
        const { final: images, rounds: dirs } = scene.simple(['clean'], false, `daemon${number}`);
        const errors: unknown[] = [];
        const beforeClose = async (error: unknown): Promise<void> => {
          errors.push(error);
        };
        const server = await scene.server({ rounds: dirs, beforeClose });
        await server.begin(images);
        const daemon = new FakeDaemon(server.port, 32);
        for (const bytes of pieces) daemon.write(bytes);
        daemon.end();
        const code = expect.stringMatching(/^(TRANSFER|RESTORE)_FAILED$/);
        await expect(server.done).rejects.toMatchObject({ code });
        expect(errors).toMatchObject([{ code }]);
        await server.close();
      }),
      { numRuns: 40 },
    );
  });

  it('takes anything from a source: what it did not ask for ends the connection, and another one is made', async () => {
    const header = fc
      .record({
        command: fc.constantFrom(0, COMMAND.add, COMMAND.get),
        flags: fc.constantFrom(0, 2, 4),
        pages: fc.integer({ min: 0, max: 70 }),
        page: fc.integer({ min: 0x7eff, max: 0x7f29 }),
        id: fc.integer({ min: 10, max: 12 }),
      })
      .map((fields) => {
        const bytes = Buffer.alloc(32);
        writeHeader(bytes, 32, fields);
        return bytes;
      });
    const pieces = fc.array(fc.oneof(header, fc.uint8Array({ minLength: 1, maxLength: 9_000 })), {
      maxLength: 10,
    });
    let number = 0;
    await fc.assert(
      fc.asyncProperty(pieces, async (bytes) => {
        number += 1;
        const written = scene.simple(['dirty'], true, `source${number}`);
        const { final, rounds } = written;
        const { near, far } = await openPair(scene.ports, 'lazy');
        far.on('error', () => {}).resume();
        const { dial, fakes } = scene.dialer(written);
        const streams = [near];
        const server = await scene.server({
          rounds,
          upstream: async () => streams.shift() ?? (await dial()),
        });
        await server.begin(final);
        for (const piece of bytes) far.write(piece);
        far.end();
        expect(await server.received).toMatchObject({ bytes: server.progress.remoteBytes });
        expect(fakes.length).toBe(1);
        await server.close();
        near.destroy();
      }),
      { numRuns: 40 },
    );
  });
});

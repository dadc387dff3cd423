/**
 * How long a typical image set without pages takes from one directory to another, through a data stream on loopback:
 * this time is part of every downtime. Both ends run in this one process. Directories lie in /dev/shm (tmpfs), as in a move.
 * Usage: node dist/test/bench/images.js [FILES] [BYTES] [ROUNDS]
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../agent/effects/system-clock.ts';
import { createMeter, openDataPort, receiveImages, sendImages } from '../../agent/transfer/mod.ts';

const [files = 60, bytes = 1_000_000, rounds = 30] = process.argv.slice(2).map(Number);
const HOST = '127.0.0.1';
const signal: AbortSignal = new AbortController().signal;
const port = await openDataPort({
  host: HOST,
  port: 0,
  clock: systemClock,
  log: { debug: () => {}, warn: () => {} },
});
const dir = mkdtempSync('/dev/shm/godwit-bench-');
try {
  const from = mkdtempSync(join(dir, 'from-'));
  for (let index = 0; index < files; index += 1) {
    writeFileSync(join(from, `core-${index}.img`), randomBytes(Math.ceil(bytes / files)));
  }
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) times.push(await copyOnce(from, `round-${round}`));
  times.sort((a, b) => a - b);
  const [min, median] = [times[0] ?? 0, times[Math.floor(times.length / 2)] ?? 0];
  console.log(`${files} files, ${bytes} bytes: median ${median.toFixed(1)} ms, best ${min.toFixed(1)} ms`);
} finally {
  rmSync(dir, { recursive: true });
  await port.close();
}

async function copyOnce(from: string, job: string): Promise<number> {
  const to = mkdtempSync(join(dir, 'to-'));
  const id = { job, kind: 'images', index: 0 } as const;
  port.permit(job, 'bench-token');
  const near = await port.open({ host: HOST, port: port.port, token: 'bench-token' }, id, signal);
  const far = await port.accept(id, signal);
  const startMs = performance.now();
  await Promise.all([
    sendImages({ stream: near, dir: from, meter: createMeter({ clock: systemClock }), signal }),
    receiveImages({ stream: far, dir: to, signal, maxBytes: 2 * bytes + 1_000_000 }),
  ]);
  const tookMs = performance.now() - startMs;
  port.forbid(job, 'done');
  rmSync(to, { recursive: true });
  return tookMs;
}

import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../effects/system-clock.ts';
import { createMeter } from './meter.ts';
import { receiveImages } from './receive-images.ts';
import { sendImages } from './send-images.ts';
import { NEVER, openPair, openPorts, type Ports } from './testing.ts';

const MIB = 1024 * 1024;

describe('images', () => {
  let ports: Ports;
  let dir: string;
  let from: string;
  let to: string;

  beforeEach(async () => {
    ports = await openPorts();
    dir = mkdtempSync(join(tmpdir(), 'godwit-images-'));
    from = mkdtempSync(join(dir, 'from-'));
    to = mkdtempSync(join(dir, 'to-'));
  });

  afterEach(async () => {
    await ports.close();
    rmSync(dir, { recursive: true });
  });

  it('copies every regular file of a directory and nothing else', async () => {
    const { near, far } = await openPair(ports, 'images');
    const contents = new Map<string, Buffer>([
      ['empty.img', Buffer.alloc(0)],
      ['core-1.img', randomBytes(1234)],
      ['pages-1.img', randomBytes(3 * MIB + 17)],
    ]);
    for (const [name, content] of contents) writeFileSync(join(from, name), content);
    symlinkSync('/etc/hostname', join(from, 'link.img'));
    const meter = createMeter({ clock: systemClock });
    const [sent, received] = await Promise.all([
      sendImages({ stream: near, dir: from, meter, signal: NEVER }),
      receiveImages({ stream: far, dir: to, signal: NEVER, maxBytes: 100 * MIB }),
    ]);
    expect(sent).toEqual({ files: 3, bytes: 3 * MIB + 17 + 1234 });
    expect(received).toEqual(sent);
    expect(readdirSync(to).sort()).toEqual([...contents.keys()].sort());
    for (const [name, content] of contents) expect(readFileSync(join(to, name)).equals(content)).toBe(true);
    expect(meter.bytes).toBeGreaterThanOrEqual(sent.bytes);
  });
});

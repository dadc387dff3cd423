import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock as clock } from '../../effects/system-clock.ts';
import { rehearse } from './rehearsal.ts';

describe('a rehearsal of the way of a page', { timeout: 60_000 }, () => {
  let parent: string;
  let said: string[];
  const log = {
    debug: (_details: object, message: string) => void said.push(message),
    warn: (_details: object, message: string) => void said.push(`warning: ${message}`),
  };

  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'godwit-rehearsal-'));
    said = [];
  });

  afterEach(() => rmSync(parent, { recursive: true }));

  it.each([24, 32] as const)(
    'goes all the way with headers of %i bytes, and leaves nothing',
    async (wire) => {
      await rehearse({ dir: join(parent, 'rehearsal'), wire, clock, log, withinMs: 30_000 });
      expect(said).toEqual(['the way of a page was rehearsed']);
      expect(readdirSync(parent)).toEqual([]);
    },
  );

  it('does no harm when it cannot be made', async () => {
    writeFileSync(join(parent, 'file'), '');
    await rehearse({ dir: join(parent, 'file', 'rehearsal'), wire: 32, clock, log });
    expect(said).toEqual(['the way of a page could not be rehearsed']);
    expect(existsSync(join(parent, 'file'))).toBe(true);
  });

  it('does not go on for long, and leaves nothing then', async () => {
    await rehearse({ dir: join(parent, 'rehearsal'), wire: 32, clock, log, withinMs: 0 });
    expect(said).toEqual(['the way of a page could not be rehearsed']);
    expect(readdirSync(parent)).toEqual([]);
  });
});

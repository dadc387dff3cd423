import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../protocol/limits.ts';
import { Patience } from './patience.ts';
import { Pulse } from './pulse.ts';

describe('patience', () => {
  it('dials at once, then slower and slower, and gives each attempt more time', () => {
    const patience = new Patience();
    expect(patience.lost('cut', 0)).toBe(true);
    const waits = Array.from({ length: 7 }, () => {
      const { backoffMs, dialMs } = patience;
      patience.dialFailed('unreachable');
      return [backoffMs, dialMs];
    });
    expect(waits.map(([backoffMs]) => backoffMs)).toEqual([50, 100, 200, 400, 800, 1_000, 1_000]);
    expect(waits.map(([, dialMs]) => dialMs).slice(0, 4)).toEqual([2_000, 4_000, 5_000, 5_000]);
  });

  it('ends after its time, unless a connection has carried something', () => {
    const patience = new Patience();
    patience.lost('cut', 1_000);
    patience.lost('cut again', 5_000);
    expect(patience.leftMs(6_000)).toBe(LIMITS.streamResumeMs - 5_000);
    expect(patience.overText).toBe('cut, and no new connection within 10 s');
    patience.heard();
    patience.lost('a third time', 9_000);
    patience.dialFailed('no route');
    expect(patience.leftMs(9_000)).toBe(LIMITS.streamResumeMs);
    expect(patience.overText).toBe('a third time, and no new connection within 10 s (no route)');
  });

  it('does not dial at full speed for connections that break as soon as they are there', () => {
    const patience = new Patience();
    expect(patience.lost('cut', 0)).toBe(true);
    patience.heard();
    expect(patience.lost('cut', 1)).toBe(false);
    patience.heard();
    patience.thrive();
    expect(patience.lost('cut', 2)).toBe(true);
  });
});

describe('a pulse', () => {
  it('speaks when nothing else was said, and misses a peer after its silence', () => {
    const pulse = new Pulse();
    pulse.start();
    const beats = Array.from({ length: 5 }, () => pulse.beat());
    expect(beats).toEqual([undefined, 'speak', 'speak', 'speak', 'gone']);
    pulse.start();
    pulse.beat();
    pulse.hear();
    pulse.say();
    expect(pulse.beat()).toBeUndefined();
  });
});

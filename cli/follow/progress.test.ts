import { describe, expect, it } from 'vitest';
import { job } from '../../test/support/messages.ts';
import { recordedTerminal } from '../../test/support/terminal.ts';
import { visibleWidth } from '../output/text.ts';
import { createReporter, progressLine } from './progress.ts';

const ROUNDS = [
  { index: 1, pagesWritten: 65_552, pagesSkipped: 0, bytes: 268_500_992, durationMs: 2_600, frozenMs: 87 },
  { index: 2, pagesWritten: 15_000, pagesSkipped: 50_552, bytes: 61_440_000, durationMs: 0, frozenMs: 35 },
];

describe('progressLine', () => {
  it('says what is known', () => {
    expect(progressLine(job())).toBe(
      'web n1 -> n2 postcopy: dump  1.0 MiB of 4.0 MiB  3.0 MiB left  118.0 MiB/s  ETA 2.0 s',
    );
    const progress = {
      phase: 'pre-dump',
      round: 2,
      bytes: 0,
      rateBytesPerSecond: 0,
      dirtyRateBytesPerSecond: 2_097_152,
      expectedDowntimeMs: 310,
    };
    expect(progressLine(job({ progress, mode: 'precopy' }))).toBe(
      'web n1 -> n2 precopy: pre-dump  round 2  0 B  0 B/s  dirty 2.0 MiB/s  downtime ~310 ms',
    );
  });

  it('says a round once, and how many there were when they are over', () => {
    const progress = { phase: 'round 2', round: 2, bytes: 0, rateBytesPerSecond: 0 };
    expect(progressLine(job({ progress }))).toBe('web n1 -> n2 postcopy: round 2  0 B  0 B/s');
    const over = job({ progress: { ...progress, phase: 'dump' }, rounds: ROUNDS });
    expect(progressLine(over)).toBe('web n1 -> n2 postcopy: dump  after 2 rounds  0 B  0 B/s');
  });

  it('reckons the ETA where the node does not', () => {
    const progress = {
      phase: 'dump',
      bytes: 1_048_576,
      totalBytes: 3_145_728,
      rateBytesPerSecond: 1_048_576,
    };
    expect(progressLine(job({ progress }))).toMatch(/ {2}2\.0 MiB left {2}1\.0 MiB\/s {2}ETA 2\.0 s$/);
    expect(progressLine(job({ progress: { ...progress, rateBytesPerSecond: 0 } }))).not.toMatch(/ETA/);
  });

  it('stays one line whatever a node says', () => {
    const progress = { phase: 'dump\n\u001b[2J', bytes: 1, rateBytesPerSecond: 1 };
    expect(progressLine(job({ progress }))).toMatch(/^web n1 -> n2 postcopy: dump {2}1 B {2}1 B\/s$/);
  });
});

describe('createReporter on a terminal', () => {
  it('rewrites one line, never wider than the terminal, and clears it at the end', () => {
    const terminal = recordedTerminal({ interactive: true, columns: 40 });
    const reporter = createReporter(terminal, { quiet: false });
    reporter.update(job());
    reporter.update(job());
    reporter.end();
    expect(terminal.stderr()).not.toContain('\n');
    const lines = terminal.stderr().split('\r\u001b[K');
    expect(lines).toHaveLength(4);
    for (const line of lines) expect(visibleWidth(line)).toBeLessThan(40);
    expect(lines.at(-1)).toBe('');
  });

  it('keeps a remark above the line', () => {
    const terminal = recordedTerminal({ interactive: true });
    const reporter = createReporter(terminal, { quiet: false });
    reporter.update(job());
    reporter.say('n1 is silent');
    expect(terminal.stderr()).toMatch(/godwit: n1 is silent\nweb n1 -> n2[^\n]*$/);
  });
});

describe('createReporter on a pipe', () => {
  const later = job({
    phases: [
      { name: 'preflight', node: 'n1', startMs: 1_700_000_000_005, endMs: 1_700_000_000_020 },
      { name: 'dump', node: 'n1', startMs: 1_700_000_000_020, endMs: 1_700_000_000_030 },
      { name: 'restore', node: 'n2', startMs: 1_700_000_001_430 },
    ],
  });

  it('writes one line for each phase, also for those that passed between two events', () => {
    const terminal = recordedTerminal();
    const reporter = createReporter(terminal, { quiet: false });
    for (const state of [job(), job(), later, later]) reporter.update(state);
    expect(terminal.stderr().split('\n')).toEqual([
      'web n1 -> n2 postcopy: preflight on n1 (+5 ms)',
      'web n1 -> n2 postcopy: dump on n1 (+20 ms)',
      'web n1 -> n2 postcopy: restore on n2 (+1.4 s)',
      '',
    ]);
  });

  it('gives the figures of each round once, after its phase', () => {
    const terminal = recordedTerminal();
    const reporter = createReporter(terminal, { quiet: false });
    const phases = ['round 1', 'round 2', 'dump'].map((name, i) => ({
      name,
      node: 'n1',
      startMs: 1_700_000_000_000 + 10 * i,
    }));
    reporter.update(job({ phases: phases.slice(0, 2), rounds: ROUNDS.slice(0, 1) }));
    reporter.update(job({ phases, rounds: ROUNDS }));
    reporter.update(job({ phases, rounds: ROUNDS }));
    const lines = terminal.stderr().split('\n');
    expect(lines.map((line) => line.replace('web n1 -> n2 postcopy: ', ''))).toEqual([
      'round 1 on n1 (+0 ms)',
      'round 1: 65552 pages, 256.1 MiB in 2.6 s (98.5 MiB/s), frozen for 87 ms',
      'round 2 on n1 (+10 ms)',
      'round 2: 15000 pages, 58.6 MiB in 0 ms, frozen for 35 ms',
      'dump on n1 (+20 ms)',
      '',
    ]);
  });

  it('is silent for programs, except for what must be seen', () => {
    const terminal = recordedTerminal();
    const reporter = createReporter(terminal, { quiet: true });
    reporter.update(later);
    reporter.say('n1 is silent');
    expect(terminal.stderr()).toBe('godwit: n1 is silent\n');
  });
});

import { describe, expect, it } from 'vitest';
import { job } from '../../test/support/messages.ts';
import { recordedTerminal } from '../../test/support/terminal.ts';
import { visibleWidth } from '../output/text.ts';
import { createReporter, progressLine } from './progress.ts';

describe('progressLine', () => {
  it('says what is known', () => {
    expect(progressLine(job())).toBe(
      'web n1 -> n2 postcopy: dump  1.0 MiB of 4.0 MiB  118.0 MiB/s  ETA 2.0 s',
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

  it('is silent for programs, except for what must be seen', () => {
    const terminal = recordedTerminal();
    const reporter = createReporter(terminal, { quiet: true });
    reporter.update(later);
    reporter.say('n1 is silent');
    expect(terminal.stderr()).toBe('godwit: n1 is silent\n');
  });
});

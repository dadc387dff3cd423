import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import type { Command, Runner } from '../effects/runner.ts';
import { createFaults, NO_FAULTS } from './faults.ts';
import { parseFaults } from './parse.ts';

describe('the variable', () => {
  test('asks for nothing when it is not set or empty', () => {
    expect(parseFaults(undefined)).toEqual([]);
    expect(parseFaults(' ')).toEqual([]);
  });

  test('holds one fault or several', () => {
    expect(parseFaults('source.commit:kill-agent, target.resume:lose-bus=20')).toEqual([
      { point: 'source.commit', action: 'kill-agent', seconds: 5 },
      { point: 'target.resume', action: 'lose-bus', seconds: 20 },
    ]);
  });

  test.each([
    ['commit:hang', /'commit' is no fault point; known: source\.search/],
    ['source.commit', /'' is no fault point/],
    ['source.commit:explode', /'explode' is no action; known: kill-agent/],
    ['source.commit:hang=5', /only lose-bus takes seconds/],
    ['source.commit:toString', /'toString' is no action/],
    ['source.commit:hang,', /'' is no fault point/],
  ])('%s is refused', (text, problem) => {
    expect(() => parseFaults(text)).toThrow(problem);
  });
});

describe('faults', () => {
  const log = pino({ level: 'silent' });
  const ran: Command[] = [];
  const runner: Runner = {
    run: async (command) => {
      ran.push(command);
      const result = { exitCode: 0, signal: null, stdout: '', stderr: '', timedOut: false, durationMs: 1 };
      return result;
    },
    start: () => {
      throw new Error('nothing is started here');
    },
  };
  const options = { runner, log, runDir: '/run/godwit', dataPort: 7433, busPorts: [4222] };

  test('cost nothing where none is asked for', () => {
    expect(createFaults([], options)).toBe(NO_FAULTS);
    expect(NO_FAULTS.at('source.commit', 'job')).toBeUndefined();
  });

  test('strike at their point only, and once', async () => {
    const faults = createFaults(parseFaults('source.ship:drop-link'), options);
    await faults.at('source.dump', 'job');
    expect(ran).toHaveLength(0);
    await faults.at('source.ship', 'job');
    await faults.at('source.ship', 'job');
    expect(ran).toHaveLength(1);
    expect(ran[0]).toMatchObject({ file: 'ss', args: expect.arrayContaining(['--kill']) });
  });
});

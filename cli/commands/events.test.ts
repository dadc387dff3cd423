import { describe, expect, it } from 'vitest';
import { job } from '../../test/support/messages.ts';
import { describeEvent, matchesType } from './events.ts';

describe('matchesType', () => {
  it('takes the whole type, its last part, or the topic', () => {
    const matches = (wanted: string) => matchesType('io.godwit.v1.event.job', 'job', wanted);
    expect(['io.godwit.v1.event.job', 'event.job', 'job'].map(matches)).toEqual([true, true, true]);
    expect(['ob', 'io', 'health'].map(matches)).toEqual([false, false, false]);
  });
});

describe('describeEvent', () => {
  const event = {
    specversion: '1.0',
    id: '1',
    source: 'godwit.v1.lab.node.n1',
    type: 'io.godwit.v1.event.job',
    time: 'not a time',
    subject: 'j1',
    datacontenttype: 'application/json',
  } as const;

  it('says in one line what a job is doing', () => {
    expect(describeEvent({ ...event, data: { event: 'phase', job: job() } })).toBe(
      '- event.job n1 j1 web n1 -> n2: phase dump',
    );
  });

  it.each([undefined, null, 7, 'text', [], { job: 3 }, { job: null }])('stands data like %j', (data) => {
    expect(describeEvent({ ...event, data })).toBe('- event.job n1 j1');
  });
});

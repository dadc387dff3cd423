import { expect, it } from 'vitest';
import { acceptedJob } from '../follow/accepted-job.ts';
import { progressLine } from '../follow/progress.ts';
import { queueWords } from './queue.ts';

const job = acceptedJob({
  kind: 'migrate',
  job: 'j',
  container: 'web',
  node: 'n1',
  source: 'n1',
  target: 'n2',
});

it.each([
  [{ place: 2 }, 'queued 2'],
  [{ waitsFor: 'n2' }, 'waits for n2'],
])('says why a move has not begun: %j', (queue, words) => {
  const waiting = { ...job, queue: { ...queue, request: {} } };
  expect(queueWords(waiting)).toBe(words);
  expect(progressLine(waiting)).toBe(`web n1 -> n2: ${words}`);
});

it('says nothing of one that has begun', () => {
  expect(queueWords(job)).toBeUndefined();
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FaultPoint, POINTS } from '../../../agent/faults/points.ts';
import { type MoveLab, startMoveLab } from '../support/moves.ts';

let lab: MoveLab;
beforeEach(async () => {
  lab = await startMoveLab();
});
afterEach(() => lab[Symbol.asyncDispose]());

/** A cold move whose agent of one side dies at a point, and comes back. */
async function moveThatDies(point: FaultPoint) {
  const name = 'app';
  const node = point.startsWith('source.') ? lab.source : lab.target;
  await node.stop();
  await node.startApart(`${point}:kill-agent`);
  await lab.run(name);
  const [pid] = lab.source.tasks(name);
  const job = await lab.migrate(name);
  await node.dead();
  await node.startApart();
  return { name, pid, job: await lab.ended(job) };
}

const pointsOf = (committed: 'no' | 'yes') =>
  (Object.keys(POINTS) as FaultPoint[]).filter(
    (point) =>
      POINTS[point].reached === 'always' &&
      POINTS[point].committed === committed &&
      // There the operator has no answer yet, and no job to ask for.
      point !== 'source.search',
  );

/** There the source still waits for its answer, and asks again: the next agent may be up by then, and take the container. */
const ASKED_AGAIN: readonly FaultPoint[] = ['target.prepare', 'target.reserve', 'target.reserved'];

describe('an agent that is killed before the commit', () => {
  it.each(pointsOf('no'))('at %s leaves the container at the source', async (point) => {
    const moved = await moveThatDies(point);
    const { job, pid } = moved;
    if (ASKED_AGAIN.includes(point) && job.outcome === 'done') return expectAtTarget(moved);
    expect(job).toMatchObject({ outcome: 'failed' });
    await lab.untouched(job, pid);
  });
});

describe('an agent that is killed after the commit', () => {
  it.each(pointsOf('yes'))('at %s brings the container to the target', async (point) => {
    await expectAtTarget(await moveThatDies(point));
  });
});

/** It has moved, as if nothing had been in the way. */
async function expectAtTarget({ job, name, pid }: Awaited<ReturnType<typeof moveThatDies>>): Promise<void> {
  expect(job.error).toBeUndefined();
  expect(job).toMatchObject({ outcome: 'done' });
  const { container } = await lab.info(name);
  expect(container).toMatchObject({ owner: 'n2', epoch: 2, phase: 'running', state: 'running' });
  expect(container.job).toBeUndefined();
  expect(lab.target.tasks(name)).toEqual([container.pid]);
  expect(lab.source.tasks(name)).toEqual([]);
  expect(() => process.kill(pid ?? -1, 0)).toThrow();
  await lab.swept(job);
}

import { expect, it } from 'vitest';
import type { ContainerInfo, Job } from '../../protocol/mod.ts';
import { startContainer } from './support/containers.ts';
import { lxcState } from './support/node-state.ts';
import { until } from './support/until.ts';
import { useCluster } from './support/use-lab.ts';

/** Slow enough that what is large cannot have left before the power goes. */
const cluster = useCluster('ep', { rate: '100mbit' });
/** 12 by hand: GODWIT_EVACUATE=12. */
const COUNT = Number(process.env.GODWIT_EVACUATE ?? 5);
const LARGE = 'import os, time; b = os.urandom(33554432); [time.sleep(1) for _ in iter(int, 1)]';
const PATIENCE_MS = 240_000;

/** Asks at the evacuated node's own server: others lose theirs. */
const ask = (...args: readonly string[]) =>
  cluster.lab.run(['exec', 'n1', '--', 'godwit', ...args, '--json']);

async function jobOf(id: string): Promise<Job | undefined> {
  const { exitCode, stdout } = await ask('job', 'show', id);
  return exitCode === 0 ? (JSON.parse(stdout) as Job) : undefined;
}

const itemsOf = (job: Job | undefined) => job?.evacuation?.items ?? [];

it('a target that loses power in the middle is reported with what it had, and the rest finds another place', async () => {
  const names = Array.from({ length: COUNT }, (_, index) => `c${index}`);
  for (const [index, name] of names.entries())
    await startContainer(cluster, 'n1', 'generic', {
      name,
      address: `10.77.1.${80 + index}`,
      memoryMib: 96,
      // The first is small, and goes first.
      ...(index === 0 ? {} : { init: '/init', args: ['/bin/python3', '-I', '-S', '-c', LARGE] }),
    });
  // Until the first is there, n2 is the only place: then n3 opens, and n2 dies with what it has.
  await ask('node', 'cordon', 'n3');
  const { stdout } = await ask('evacuate', 'n1', '--detach');
  const { job: id } = JSON.parse(stdout) as { job: string };
  await until('something has moved to n2', PATIENCE_MS, async () =>
    itemsOf(await jobOf(id)).some(({ state }) => state === 'moved'),
  );
  expect(await ask('node', 'uncordon', 'n3')).toMatchObject({ exitCode: 0 });
  const before = itemsOf(await jobOf(id));
  await cluster.lab.run(['power-off', 'n2']);
  try {
    let ended: Job | undefined;
    await until(
      () => `the evacuation is over: ${JSON.stringify(ended)}`,
      PATIENCE_MS,
      async () => {
        ended = (await jobOf(id)) ?? ended;
        return ended?.state === 'ended';
      },
    );
    const items = itemsOf(ended);
    const lost = items.filter(({ state }) => state === 'unknown');
    for (const { container, target, reason } of lost) {
      expect(target, container).toBe('n2');
      expect(reason, container).toBeTruthy();
      expect(ended?.error?.message).toContain(container);
    }
    expect(ended).toMatchObject({ outcome: 'refused', error: { code: 'EVACUATION_INCOMPLETE' } });
    // What was there when the power went is among them; what had not begun is not.
    const there = before.filter(({ state }) => state === 'moved').map(({ container }) => container);
    const unknown = lost.map(({ container }) => container);
    expect(unknown).toEqual(expect.arrayContaining(there));
    expect(unknown.length).toBeLessThan(COUNT);
    for (const { container, state, target } of items) {
      if (unknown.includes(container)) continue;
      expect({ container, state, target }).toEqual({ container, state: 'moved', target: 'n3' });
      await until(`${container} runs on n3`, PATIENCE_MS, async () => {
        const answer = await ask('inspect', container);
        if (answer.exitCode !== 0) return false;
        return (JSON.parse(answer.stdout) as ContainerInfo).container.phase === 'running';
      });
      expect(await lxcState(cluster, 'n3', container)).toBe('RUNNING');
    }
  } finally {
    await cluster.lab.run(['power-on', 'n2']);
  }
});

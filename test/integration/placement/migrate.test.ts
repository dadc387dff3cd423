import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ContainerAuction } from '../../../protocol/mod.ts';
import { type FakeNode, fakeNode } from '../support/fake-nodes.ts';
import { type MoveLab, startMoveLab, words } from '../support/moves.ts';

let lab: MoveLab;
let third: FakeNode;

beforeAll(async () => {
  lab = await startMoveLab();
  third = fakeNode('n3', lab.nats.url);
  await third.start();
}, 60_000);

afterAll(async () => {
  await third?.remove();
  await lab?.[Symbol.asyncDispose]();
});

async function auction(name: string) {
  const request = { type: 'io.godwit.v1.container.auction.request' };
  return ContainerAuction.parse(
    await lab.bus.request(words.container(name, 'auction'), request, { timeoutMs: 15_000 }),
  );
}

async function cordon(verb: 'cordon' | 'uncordon', ...nodes: readonly string[]): Promise<void> {
  for (const node of nodes)
    await lab.bus.request(words.node(node, verb), { type: 'io.godwit.v1.node.info.request' });
}

describe('a container without a named target', () => {
  it('has an auction that shows every node, and moves or promises nothing', async () => {
    await lab.run('shown');
    await cordon('cordon', 'n2');
    let shown: Awaited<ReturnType<typeof auction>> | undefined;
    // An answer that is late on a busy machine is not waited for.
    const places = async () => {
      shown = await auction('shown');
      return shown.entries.map(({ node, score }) => [node, score !== undefined]);
    };
    await expect.poll(places, { timeout: 20_000 }).toEqual([
      ['n3', true],
      ['n2', false],
    ]);
    await cordon('uncordon', 'n2');
    expect(shown?.source).toBe('n1');
    expect(shown?.entries[1]?.refusals).toMatchObject([{ code: 'NODE_CORDONED', node: 'n2' }]);
    expect((await lab.info('shown')).container).toMatchObject({ owner: 'n1', state: 'running' });
  });

  it('goes to the next best when the winner refuses, and names both', async () => {
    // Each in turn has a container of that name that godwit knows nothing of: only a thorough look finds it.
    for (const [refuser, taker] of [
      [lab.target, 'n3'],
      [third, 'n2'],
    ] as const) {
      await lab.run(`picky-${taker}`);
      const strange = join(refuser.dir, 'lxc', `picky-${taker}`);
      mkdirSync(strange, { recursive: true });
      writeFileSync(join(strange, 'config'), '');
      const job = await lab.ended(await lab.migrate(`picky-${taker}`, { target: undefined }));
      rmSync(strange, { recursive: true });
      expect(job).toMatchObject({ outcome: 'done', target: taker });
    }
  });

  it('stays with every reason when nobody takes it', async () => {
    await lab.run('unwanted');
    const { container } = await lab.info('unwanted');
    await cordon('cordon', 'n2', 'n3');
    const job = await lab.ended(await lab.migrate('unwanted', { target: undefined }));
    await cordon('uncordon', 'n2', 'n3');
    expect(job).toMatchObject({ outcome: 'refused', error: { code: 'NO_TARGET' } });
    expect(job.error?.details.refusals).toMatchObject([
      { code: 'NODE_CORDONED', node: 'n2' },
      { code: 'NODE_CORDONED', node: 'n3' },
    ]);
    await lab.untouched(job, container.pid);
  });
});

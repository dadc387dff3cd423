import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type FakeNode, fakeNode } from '../support/fake-nodes.ts';
import { type MoveLab, startMoveLab, words } from '../support/moves.ts';

let lab: MoveLab;
let slow: FakeNode;
beforeEach(async () => {
  lab = await startMoveLab();
  slow = fakeNode('n3', lab.nats.url);
  await slow.startApart();
}, 60_000);
afterEach(async () => {
  slow.letGo();
  await slow.remove();
  await lab[Symbol.asyncDispose]();
});

it('a node that is slow to bid gets the container when the quick one refuses', async () => {
  await lab.run('app');
  // Only a thorough look finds a container of that name that godwit knows nothing of.
  const strange = join(lab.target.dir, 'lxc', 'app');
  mkdirSync(strange, { recursive: true });
  writeFileSync(join(strange, 'config'), '');

  slow.hold();
  // The auction is over by then, without it.
  const listening = await lab.bus.subscribe(words.node('n2', 'prepare'), () => slow.letGo());
  const job = await lab.ended(await lab.migrate('app', { target: undefined }));
  await listening.stop();
  expect(job.error).toBeUndefined();
  expect(job).toMatchObject({ outcome: 'done', target: 'n3' });
});

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { PrepareReply } from '../../../protocol/mod.ts';
import { type MoveLab, startMoveLab, words } from '../support/moves.ts';

let lab: MoveLab;
beforeEach(async () => {
  lab = await startMoveLab();
});
afterEach(() => lab[Symbol.asyncDispose]());

const PREPARE = words.node('n2', 'prepare');
const ASK = { timeoutMs: 15_000 };
const SWEEP_MS = 1_000;
const PAUSE_MS = 20;
const WAIT = { timeout: 20_000, interval: PAUSE_MS };

/** The target's agent has reserved, and died before it could say so; the source is gone, and this test asks in its place. */
async function questionOfTheDead(): Promise<{ readonly job: string }> {
  const asked: unknown[] = [];
  const listening = await lab.bus.subscribe(PREPARE, ({ body }) => asked.push(body));
  await lab.target.stop();
  await lab.target.startApart('target.reserved:kill-agent');
  await lab.run('app');
  await lab.migrate('app');
  await lab.target.dead();
  await lab.source.stop();
  await listening.stop();
  return asked[0] as { readonly job: string };
}

const reserve = async (question: object) => PrepareReply.parse(await lab.bus.request(PREPARE, question, ASK));

/** Asks until it is refused, for the new agent is still at what the dead one left. */
async function askUntilRefused(question: object): Promise<void> {
  for (let code: unknown; code !== 'MOVE_ABORTED'; await setTimeout(PAUSE_MS)) {
    code = await reserve(question).then(
      () => 'a place',
      (error) => error.code,
    );
    expect(['NODE_NOT_FOUND', 'BUS_TIMEOUT', 'MOVE_ABORTED']).toContain(code);
  }
}

it('the next agent reserves once all of the dead one is gone, and undoes no more than that', async () => {
  const question = await questionOfTheDead();
  const { job } = question;
  lab.target.tell('umount', 'wait');
  const started = lab.target.startApart();
  await expect.poll(() => lab.target.reached('umount')).toBe(true);
  await askUntilRefused(question);
  lab.target.behave();
  await started;
  const reply = await vi.waitFor(() => reserve(question), WAIT);
  expect(reply.data?.token).toEqual(expect.any(String));

  // The sweep that follows the undoing has found what there is by then.
  await setTimeout(SWEEP_MS);
  expect(existsSync(join(lab.target.dir, 'run/jobs', job, 'target/move.json'))).toBe(true);
  expect(lab.target.leftovers(job).length).toBeGreaterThan(2);
  expect(existsSync(join(lab.target.dir, 'lxc/app/config'))).toBe(true);
  const again = await reserve(question);
  expect(again.data?.token).toBe(reply.data?.token);

  const abort = { type: 'io.godwit.v1.node.abort.request', job, reason: 'enough' };
  await lab.bus.request(words.node('n2', 'abort'), abort, ASK);
  await expect.poll(() => lab.target.leftovers(job)).toEqual([]);
  expect(existsSync(join(lab.target.dir, 'lxc/app/config'))).toBe(false);
});

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { noteTrees, type TreeNotes } from '../../../agent/checkpoint/restore/tree-notes.ts';
import { JOURNAL_VERSION } from '../../../agent/migration/journal.ts';
import { type MoveLab, startMoveLab, words } from '../support/moves.ts';
import { domainIn, NAME } from '../support/trees.ts';

const LONG = { timeout: 20_000 };
const JOB = 'restorejob';
let lab: MoveLab;
/** Where directories of a restore lie. */
let home = '';
beforeEach(async () => {
  lab = await startMoveLab({ movesOutMax: 1 });
  home = mkdtempSync(join(tmpdir(), 'godwit-left-trees-'));
});
afterEach(async () => {
  await lab[Symbol.asyncDispose]();
  rmSync(home, { recursive: true });
});

/** What an agent on n1 has left of a restore whose directories it could not bring to an end. */
async function leave(dirs: readonly string[], changes: Partial<TreeNotes>): Promise<void> {
  for (const dir of dirs) {
    mkdirSync(join(home, dir));
    writeFileSync(join(home, dir, 'word'), dir);
  }
  await noteTrees(join(lab.source.dir, 'state'), {
    version: JOURNAL_VERSION,
    side: 'restore',
    job: JOB,
    container: NAME,
    checkpoint: '',
    xml: domainIn(home),
    withTrees: true,
    ...changes,
  });
}

it('an agent answers while directories are brought to an end, and a queued move of theirs goes after that', async () => {
  const { source, bus } = lab;
  await source.stop();
  await source.startApart();
  for (const name of ['first', NAME]) await lab.run(name);
  source.tell('dump', 'wait');
  await lab.migrate('first');
  const job = await lab.migrate(NAME);
  await expect.poll(() => source.reached('dump'), LONG).toBe(true);
  expect((await lab.job(job)).queue?.place).toBe(1);
  await source.kill();
  source.behave();
  await leave(['root', 'volume', `volume.before-${JOB}`], { verdict: 'committed' });
  source.tell('rm', 'wait');
  const started = source.start();
  try {
    await expect.poll(() => source.reached('rm'), LONG).toBe(true);
    const asked = () => bus.request(words.node('n1', 'info'), { type: 'io.godwit.v1.node.info.request' });
    await expect.poll(() => asked().catch(() => undefined), LONG).toMatchObject({ node: 'n1' });
  } finally {
    source.behave();
    await started;
  }
  const state = () => lab.job(job).catch(() => undefined);
  await expect.poll(state, LONG).toMatchObject({ outcome: 'done', target: 'n2' });
});

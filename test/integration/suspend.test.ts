import { afterAll, beforeAll, expect, it } from 'vitest';
import { type MoveLab, startMoveLab, words } from './support/moves.ts';

let lab: MoveLab;
beforeAll(async () => {
  lab = await startMoveLab();
  await lab.run('web');
});
afterAll(() => lab[Symbol.asyncDispose]());

const ask = (verb: 'suspend' | 'resume' | 'stop') =>
  lab.bus.request(
    words.container('web', verb),
    { type: `io.godwit.v1.container.${verb}.request` },
    { timeoutMs: 15_000 },
  );

it('freezes a container that runs, and thaws it, once each', async () => {
  expect(await ask('suspend')).toMatchObject({ container: { state: 'frozen', phase: 'running' } });
  await expect(ask('suspend')).rejects.toMatchObject({ code: 'CONTAINER_STATE' });
  expect((await lab.info('web')).container.state).toBe('frozen');
  expect(await ask('resume')).toMatchObject({ container: { state: 'running', phase: 'running' } });
  await expect(ask('resume')).rejects.toMatchObject({ code: 'CONTAINER_STATE' });
});

it('does not move what is suspended, and leaves it so', async () => {
  await ask('suspend');
  await expect(lab.migrate('web', { target: 'n2', mode: 'cold' })).rejects.toMatchObject({
    code: expect.stringMatching(/PREFLIGHT_REFUSED|CONTAINER_STATE/),
  });
  expect((await lab.info('web')).container).toMatchObject({ owner: 'n1', state: 'frozen' });
  await ask('resume');
});

it('is refused for a container that does not run', async () => {
  await ask('stop');
  await expect(ask('resume')).rejects.toMatchObject({ code: 'CONTAINER_STATE' });
  await expect(ask('suspend')).rejects.toMatchObject({ code: 'CONTAINER_STATE' });
});

import { expect, it } from 'vitest';
import type { ContainerInfo } from '../../protocol/mod.ts';
import { domainXml } from './support/containers.ts';
import { until } from './support/until.ts';
import { useCluster } from './support/use-lab.ts';

const NAME = 'kept';
const cluster = useCluster('lc', { nodes: 1 });
const LIFECYCLE = `<metadata><g:settings xmlns:g='https://godwit.dev/xmlns/domain/1'>
  <g:lifecycle autostart='yes' restart='yes'/></g:settings></metadata><memory`;

const info = async () => (await cluster.json<ContainerInfo>('inspect', NAME)).container;

/** Runs as another process than before. */
async function isStartedAgain(before: number | undefined): Promise<void> {
  await until('it runs again', 60_000, async () => {
    const { exitCode, stdout } = await cluster.godwit('inspect', NAME, '--json');
    if (exitCode !== 0) return false;
    const { container } = JSON.parse(stdout) as ContainerInfo;
    return container.state === 'running' && container.pid !== undefined && container.pid !== before;
  });
}

it('starts a container again that ended by itself, and after a boot, but not one that was stopped', async () => {
  await cluster.lab.run(['rootfs', 'generic', NAME]);
  const xml = domainXml({ name: NAME, address: '10.77.1.61', memoryMib: 64 }).replace('<memory', LIFECYCLE);
  const defined = await cluster.lab.run(['client', '--', 'godwit', 'define', '-', '--node', 'n1'], {
    input: xml,
  });
  expect(defined).toMatchObject({ exitCode: 0 });
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect(await info()).toMatchObject({ state: 'stopped' });

  expect(await cluster.godwit('start', NAME)).toMatchObject({ exitCode: 0 });
  // Long enough for one look at it.
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  const { pid } = await info();
  await cluster.lab.sh('n1', `kill -KILL ${pid}`);
  await isStartedAgain(pid);

  const again = await info();
  await cluster.lab.run(['agent', 'n1', 'stop']);
  await cluster.lab.sh('n1', `kill -KILL ${again.pid}`);
  expect(await cluster.lab.run(['agent', 'n1', 'start'])).toMatchObject({ exitCode: 0 });
  await isStartedAgain(again.pid);

  expect(await cluster.godwit('stop', NAME, '--kill')).toMatchObject({ exitCode: 0 });
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  expect(await info()).toMatchObject({ state: 'stopped', phase: 'stopped' });

  await cluster.lab.run(['power-off', 'n1']);
  expect(await cluster.lab.run(['power-on', 'n1'])).toMatchObject({ exitCode: 0 });
  await isStartedAgain(undefined);
  expect(await info()).toMatchObject({ state: 'running', phase: 'running' });
});

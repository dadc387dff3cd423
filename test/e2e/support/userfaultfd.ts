import { readFileSync, writeFileSync } from 'node:fs';
import type { Cluster } from './cluster.ts';
import { until } from './until.ts';

/** Of the machine: its nodes' agents read it when they start. */
const UFFD = '/proc/sys/vm/unprivileged_userfaultfd';

/** Whether a task without capabilities outside its container may open a userfaultfd. */
export function mayUserfaultfd(): boolean {
  return readFileSync(UFFD, 'utf8').trim() === '1';
}

/** Does something while it may, and puts back what was set. The agents of both nodes start again before and after. */
export async function withUserfaultfd(cluster: Cluster, act: () => Promise<void>): Promise<void> {
  const set = readFileSync(UFFD, 'utf8');
  writeFileSync(UFFD, '1');
  try {
    await restartAgents(cluster);
    await act();
  } finally {
    writeFileSync(UFFD, set);
    await restartAgents(cluster);
  }
}

async function restartAgents(cluster: Cluster): Promise<void> {
  for (const node of ['n1', 'n2']) await cluster.lab.run(['agent', node, 'restart']);
  await until('both nodes answer', 60_000, async () => {
    const { exitCode, stdout } = await cluster.godwit('node', 'ls', '-o', 'name');
    return exitCode === 0 && stdout.trim().split('\n').length === 2;
  });
}

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '../support/lab.ts';
import { until } from '../support/until.ts';

const START_MS = 60_000;

/** A place in an agent's log; what follows it is new. */
export interface LogMark {
  /** The lines written since, those of the lab and of nats-server too. */
  lines(): readonly string[];
  /** Whether a line of the agent with this message has come since. */
  has(message: string, also?: string): boolean;
}

/** On this machine: a node's disk outlives its power, and a look at it costs nothing. */
export function logFile(lab: Lab, node: string): string {
  const disk = process.env.GODWIT_LAB_DISK ?? '/var/lib/godwit-lab';
  return join(disk, lab.instance, node, 'upper/var/log/godwit-agent.log');
}

/** From here on, also over the agent's death and a power cut. */
export function markLog(lab: Lab, node: string): LogMark {
  const file = logFile(lab, node);
  const text = () => (existsSync(file) ? readFileSync(file, 'utf8') : '');
  const from = text().length;
  const lines = () => text().slice(from).split('\n');
  return {
    lines,
    has: (message, also = '') =>
      lines().some((line) => line.includes(`"msg":"${message}"`) && line.includes(also)),
  };
}

/** Starts the node's agent anew, so that it fails where `faults` says; resolves when it is ready. */
export async function armAgent(lab: Lab, node: string, faults: string): Promise<LogMark> {
  const mark = markLog(lab, node);
  const { exitCode, stderr } = await lab.run(['agent', node, 'restart', '--fault', faults]);
  if (exitCode !== 0) throw new Error(stderr);
  await until(`the agent of ${node} is ready to fail`, START_MS, () => mark.has('ready'));
  return mark;
}

/** SIGCONT for an agent that a fault has stopped. */
export async function continueAgent(lab: Lab, node: string): Promise<void> {
  await lab.sh(node, 'kill -CONT $(cat /run/lab/agent.pid)');
}

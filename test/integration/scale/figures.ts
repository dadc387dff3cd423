import { readFileSync } from 'node:fs';
import type { Fleets } from './fleets.ts';
import type { Traffic, TrafficMeter } from './traffic.ts';

/** What one thing cost all agents and the server together. */
export interface Phase {
  readonly name: string;
  readonly elapsedMs: number;
  readonly cpuMs: number;
  readonly serverCpuMs: number;
  readonly memoryBytes: number;
  readonly traffic: readonly Traffic[];
}

const TICK_MS = 10;
const MIB = 1024 * 1024;

/** Does it and counts what it costs. */
export async function measured(
  name: string,
  {
    fleets,
    meter,
    serverPid,
  }: { readonly fleets: Fleets; readonly meter: TrafficMeter; readonly serverPid: number },
  action: () => Promise<void>,
): Promise<Phase> {
  const [before, server, beganMs] = [await fleets.cost(), serverCpuMs(serverPid), performance.now()];
  meter.take();
  await action();
  const [elapsedMs, traffic, after] = [performance.now() - beganMs, meter.take(), await fleets.cost()];
  return {
    ...{ name, elapsedMs, traffic },
    cpuMs: after.cpuMs - before.cpuMs,
    serverCpuMs: serverCpuMs(serverPid) - server,
    memoryBytes: after.memoryBytes,
  };
}

function serverCpuMs(pid: number): number {
  const [, rest = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
  const fields = rest.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** The figures as a page. */
export function pageText(
  agents: number,
  phases: readonly Phase[],
  auctions: { readonly tookMs: readonly number[]; readonly answers: readonly number[] },
): string {
  const share = (ms: number, phase: Phase) => `${((100 * ms) / phase.elapsedMs).toFixed(2)} %`;
  const costs = phases.map((phase) => [
    ...[phase.name, (phase.elapsedMs / 1000).toFixed(1), share(phase.cpuMs / agents, phase)],
    ...[share(phase.serverCpuMs, phase), (phase.memoryBytes / agents / MIB).toFixed(1)],
  ]);
  const messages = phases.flatMap(({ name, traffic, elapsedMs }) =>
    traffic.map((one) => [
      ...[name, one.kind, String(one.messages), Math.round(one.bytes / one.messages).toString()],
      (one.messages / agents / (elapsedMs / 1000)).toFixed(3),
    ]),
  );
  const middle = (numbers: readonly number[], part = 0.5) =>
    Math.round([...numbers].sort((a, b) => a - b)[Math.floor(part * (numbers.length - 1))] ?? 0);
  const { tookMs, answers } = auctions;
  return `# ${agents} agents on one nats-server

<!-- Written by \`GODWIT_AGENTS=${agents} npx vitest run --config test/vitest.config.ts --project integration test/integration/scale\`. -->

Whole agents over a fake runtime, in a few processes on one machine of two processors that had other work, and one nats-server beside them. CPU is a share
of one processor.

${table(['', 'seconds', 'CPU of an agent', 'CPU of the server', 'MiB an agent'], costs)}
An auction, from the question to the ranking: ${middle(tookMs)} ms (median of ${tookMs.length}), ${middle(tookMs, 1)} ms at most, with ${middle(answers)} answers; 150 ms of it
wait for answers that do not come any more.

Messages as they are published:

${table(['while', 'kind', 'messages', 'bytes each', 'a second for each agent'], messages)}`;
}

function table(titles: readonly string[], cells: readonly (readonly string[])[]): string {
  const lines = [titles, titles.map((_title, i) => (i === 0 ? '---' : '---:')), ...cells];
  return lines.map((line) => `| ${line.join(' | ')} |\n`).join('');
}

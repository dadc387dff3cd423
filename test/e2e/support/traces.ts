import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { labState } from './lab.ts';
import { until } from './until.ts';

/**
 * Everything of a lab instance that can be seen on the machine: control groups, processes in them, mounts,
 * directories, and links in the machine's own network. Empty when the lab is down.
 */
export function labTraces(instance: string): string[] {
  const groups = cgroupMounts().flatMap((mount) =>
    readdirSync(mount, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name.startsWith(`lab-${instance}.`))
      .map((entry) => `${mount}/${entry.name}`),
  );
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(`/${instance}/`));
  const places = [
    `${labState}/${instance}`,
    `${labState}/${instance}.lock`,
    `${process.env.GODWIT_LAB_DISK ?? '/var/lib/godwit-lab'}/${instance}`,
  ].filter((path) => existsSync(path));
  return [...groups, ...labProcesses(instance).map((pid) => `pid ${pid}`), ...mounts, ...places];
}

/** Waits until nothing of the instance is left (killed processes may take a moment to end); rejects with what is. */
export async function noLabTraces(instance: string): Promise<void> {
  await until(
    () => `nothing of lab ${instance} is left: ${labTraces(instance).join(', ')}`,
    20_000,
    () => labTraces(instance).length === 0,
  );
}

/** Pids of all processes in the instance's control groups. */
export function labProcesses(instance: string): number[] {
  return pids().filter((pid) => readOrEmpty(`/proc/${pid}/cgroup`).includes(`/lab-${instance}.`));
}

/**
 * The network namespaces (`net:[N]`) of processes, without those that cannot be read: of processes that have ended,
 * and of a machine's first process where the tests run in a sandbox.
 */
export function networksOf(processes: readonly number[]): string[] {
  return processes.flatMap((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/ns/net`);
    } catch {
      return [];
    }
  });
}

/** Pids of all processes that live in one of these network namespaces. */
export function processesInNetworks(networks: readonly string[]): number[] {
  return pids().filter((pid) => networksOf([pid]).some((network) => networks.includes(network)));
}

function pids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function cgroupMounts(): string[] {
  return readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , type]) => type === 'cgroup' || type === 'cgroup2')
    .map(([, path]) => path ?? '');
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

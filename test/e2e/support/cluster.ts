import { createLab, type Lab, type LabResult } from './lab.ts';

/** A lab whose agents run, as an operator outside all nodes drives it. */
export interface Cluster {
  readonly lab: Lab;
  /** Runs `godwit` on the lab's network, outside all nodes; never rejects for an exit code. */
  godwit(...args: readonly string[]): Promise<LabResult>;
  /** The same with `--json`, its stdout parsed; rejects unless it exits 0. */
  json<Document>(...args: readonly string[]): Promise<Document>;
  down(): Promise<void>;
}

/** Starts a lab and waits until its agents answer. @param tell shows the lab's own progress lines */
export async function startCluster(
  instance: string,
  options: { readonly nodes?: number; readonly rate?: string } = {},
): Promise<Cluster> {
  const lab = createLab(instance);
  const rate = options.rate === undefined ? [] : ['--rate', options.rate];
  try {
    const up = await lab.run(['up', '--nodes', String(options.nodes ?? 3), ...rate]);
    if (up.exitCode !== 0) throw new Error(`lab up failed: ${up.stderr}`);
  } catch (error) {
    await lab.run(['down']);
    throw error;
  }
  return joinCluster(lab);
}

/** The cluster of a lab that is up. */
export function joinCluster(lab: Lab): Cluster {
  const godwit = (...args: readonly string[]) => lab.run(['client', '--', 'godwit', ...args]);
  return {
    lab,
    godwit,
    async json(...args) {
      const result = await godwit(...args, '--json');
      if (result.exitCode !== 0)
        throw new Error(`godwit ${args.join(' ')}: exit ${result.exitCode}: ${result.stderr}`);
      return JSON.parse(result.stdout);
    },
    async down() {
      const result = await lab.run(['down']);
      if (result.exitCode !== 0) throw new Error(`lab down failed: ${result.stderr}`);
    },
  };
}

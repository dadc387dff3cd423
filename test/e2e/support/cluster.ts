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

/** What a lab is to be like. */
export interface LabWish {
  /** 3 unless told. */
  readonly nodes?: number;
  readonly rate?: string;
}

/** Starts a lab and waits until its agents answer. Takes down what could not be started. */
export async function startCluster(instance: string, wish: LabWish = {}): Promise<Cluster> {
  const lab = createLab(instance);
  await startLab(lab, wish);
  return joinCluster(lab);
}

/** The same, for a lab that has been named already. */
export async function startLab(lab: Lab, { nodes = 3, rate }: LabWish): Promise<void> {
  try {
    const up = await lab.run([
      'up',
      '--nodes',
      String(nodes),
      ...(rate === undefined ? [] : ['--rate', rate]),
    ]);
    if (up.exitCode !== 0) throw new Error(`lab up failed: ${up.stderr}`);
  } catch (error) {
    await lab.run(['down']);
    throw error;
  }
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
        throw new Error(
          `godwit ${args.join(' ')}: exit ${result.exitCode}: ${result.stderr}${result.stdout}`,
        );
      return JSON.parse(result.stdout);
    },
    async down() {
      const result = await lab.run(['down']);
      if (result.exitCode !== 0) throw new Error(`lab down failed: ${result.stderr}`);
    },
  };
}

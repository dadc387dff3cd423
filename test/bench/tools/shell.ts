import { createInterface } from 'node:readline';
import type { Cluster } from '../../e2e/support/cluster.ts';
import type { Bench } from '../bench.ts';

/** A shell that stays where it is, so that what it times does not pay for getting there. */
export interface Shell {
  /** Runs a command and returns what it took, in milliseconds. Rejects unless it exits 0. */
  time(command: string): Promise<number>;
}

/** Opens a shell in a lab: `['exec', 'n1']` for a node, `['client']` for a user's machine. */
export function openShell(bench: Bench, { lab }: Cluster, where: readonly string[]): Shell {
  const child = lab.start([...where, '--', 'bash'], { stdin: 'pipe' });
  bench.atEnd(() => child.kill());
  const { stdin, stdout } = child;
  if (!stdin || !stdout) throw new Error('the shell has no pipes');
  const answers = createInterface({ input: stdout })[Symbol.asyncIterator]();
  return {
    async time(command) {
      stdin.write(`s=$EPOCHREALTIME; { ${command}; } </dev/null >/dev/null 2>&1; c=$?; e=$EPOCHREALTIME
        echo "$c $((\${e/./} - \${s/./}))"\n`);
      const { value, done } = await answers.next();
      if (done) throw new Error(`the shell ended: ${command}`);
      const [code, micros] = String(value).split(' ').map(Number);
      if (code !== 0) throw new Error(`exit ${code}: ${command}`);
      return (micros as number) / 1_000;
    },
  };
}

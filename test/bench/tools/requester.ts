/**
 * Asks agents over one connection to the bus, for a benchmark outside the lab's network: a line of JSON with
 * {family, name, verb, body} comes in, one with {ms, reply} or {error} goes out. Reads NATS_URL.
 */
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { connectionSettings } from '../../../cli/bus/options.ts';
import { openSession } from '../../../cli/bus/session.ts';
import { compiled } from '../../e2e/support/checkout.ts';
import type { Cluster } from '../../e2e/support/cluster.ts';
import type { Bench } from '../bench.ts';

const REQUEST_MS = 60_000;

/** A request as it goes over the line; verbs and bodies are those of protocol/messages/exchanges.ts. */
export interface Question {
  readonly family: 'node' | 'container' | 'job';
  readonly name: string;
  readonly verb: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

/** One connection that stays open. */
export interface Requester {
  /** Resolves with the reply and what it took, in milliseconds; rejects with the agent's error. */
  ask<Reply = unknown>(question: Question): Promise<{ readonly ms: number; readonly reply: Reply }>;
}

export function openRequester(bench: Bench, { lab }: Cluster): Requester {
  const program = compiled('test/bench/tools/requester.ts');
  const child = lab.start(['client', '--', 'node', program], { stdin: 'pipe' });
  bench.atEnd(() => child.kill());
  const { stdin, stdout } = child;
  if (!stdin || !stdout) throw new Error('the requester has no pipes');
  const answers = createInterface({ input: stdout })[Symbol.asyncIterator]();
  return {
    async ask(question) {
      stdin.write(`${JSON.stringify(question)}\n`);
      const { value, done } = await answers.next();
      if (done) throw new Error('the requester ended');
      const answer = JSON.parse(value);
      if (answer.error) throw new Error(`${question.verb} ${question.name}: ${answer.error}`);
      return answer;
    },
  };
}

async function serve(): Promise<void> {
  const session = await openSession({ ...connectionSettings({}, process.env), requestMs: REQUEST_MS });
  for await (const line of createInterface({ input: process.stdin })) {
    const { family, name, verb, body = {} }: Question = JSON.parse(line);
    const startMs = performance.now();
    const answer = await session
      .request(family, name, verb as never, body as never)
      .then((reply) => ({ ms: performance.now() - startMs, reply }))
      .catch((error: Error) => ({ error: error.message }));
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  await session.close();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await serve();

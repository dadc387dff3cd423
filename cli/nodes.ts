import { toGodwitError } from '../protocol/errors.ts';
import type { NodeInfo } from '../protocol/messages/node.ts';
import type { Session } from './bus/session.ts';
import type { Context } from './context.ts';
import { writeError } from './output/error.ts';
import { naturally } from './output/order.ts';

/** Nodes that answered, by name; the exit code is that of the first one that did not (0 when all did). */
export interface NodeAnswers {
  readonly nodes: readonly NodeInfo[];
  readonly exitCode: number;
}

export interface Asking {
  /** When the answers of all nodes are complete, as far as the caller is concerned; begun with the question. */
  readonly completeness?: (session: Session) => (replies: readonly NodeInfo[]) => Promise<boolean>;
  /** Waits for slow nodes too, as long as the answers are not complete. */
  readonly patient?: boolean;
}

/**
 * Asks the named nodes, or all when none is named, what they are. What went wrong with single ones is told on stderr,
 * so that one bad node does not hide the others.
 * @throws GodwitError NO_NODES when everybody is asked and nobody answers
 */
export async function askNodes(
  context: Context,
  names: readonly string[],
  { completeness, patient = false }: Asking = {},
): Promise<NodeAnswers> {
  const session = await context.session();
  if (names.length === 0) {
    const { replies, problems } = await session.gather('info', {
      ...(completeness ? { whole: completeness(session) } : {}),
      patient,
    });
    for (const problem of problems) writeError(context.terminal, problem, context);
    return { nodes: sorted(replies), exitCode: problems[0]?.exitCode ?? 0 };
  }
  const asked = [...new Set(names)].map((name) => session.request('node', name, 'info', {}));
  const answers = await Promise.allSettled(asked);
  const problems = answers.flatMap((answer) =>
    answer.status === 'rejected' ? [toGodwitError(answer.reason)] : [],
  );
  for (const problem of problems) writeError(context.terminal, problem, context);
  const nodes = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  return { nodes: sorted(nodes), exitCode: problems[0]?.exitCode ?? 0 };
}

function sorted(nodes: readonly NodeInfo[]): NodeInfo[] {
  return [...nodes].sort((a, b) => naturally(a.node, b.node));
}

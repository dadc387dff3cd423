import type { Job } from '../../protocol/job.ts';
import type { Session } from '../bus/session.ts';

/** What the container's owner says about a move whose own node is silent. */
export interface Verdict {
  readonly kind: 'moved' | 'stayed' | 'unknown';
  readonly text: string;
}

/** How long the owner may take. */
const OWNER_MS = 2_000;

/**
 * Asks the container's owner how a move ended when the node that runs the job does not answer. Only the owner listens
 * on the container's subject, so its answer is the record's truth; anything but a container at rest is no verdict.
 */
export async function askOwner(
  session: Session,
  move: Pick<Job, 'job' | 'container' | 'source' | 'target'>,
): Promise<Verdict> {
  const { container: name, job, source, target } = move;
  try {
    const { container } = await session.request('container', name, 'info', {}, { timeoutMs: OWNER_MS });
    const text = `${container.owner} owns '${name}' (phase ${container.phase}, ${container.state})`;
    const settled = container.job !== job && container.phase === 'running' && container.state === 'running';
    if (settled && container.owner === target) return { kind: 'moved', text };
    if (settled && container.owner === source) return { kind: 'stayed', text };
    return { kind: 'unknown', text };
  } catch (error) {
    return { kind: 'unknown', text: error instanceof Error ? error.message : String(error) };
  }
}

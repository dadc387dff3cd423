import { Announce } from '../../../protocol/mod.ts';
import type { Agent } from '../../migration/agent.ts';

/** Everybody announces itself about once a second; a busy node some time later. */
const HEARD_MS = 1_600;
/** A node that is starved of processors reads late what came in time. */
const LATE_MS = 4_000;

type Sampling = Pick<Agent, 'bus' | 'subjects' | 'clock' | 'config' | 'nodes'>;

/**
 * Listens until so many other nodes have announced themselves: a random sample, for everybody does so about once a second, each
 * at its own time. Where fewer come in that time than there are, it waits on for a while. How long it takes tells how many nodes
 * there are, as long as no auction has.
 */
export async function sampleNodes(agent: Sampling, count: number, signal?: AbortSignal): Promise<Announce[]> {
  const { bus, subjects, clock, config, nodes } = agent;
  const heard = new Map<string, Announce>();
  const beganMs = clock.monotonicMs();
  let end = () => {};
  const enough = new Promise<void>((resolve) => {
    end = resolve;
  });
  let least = count;
  const listen = (body: unknown) => {
    const announce = Announce.safeParse(body);
    if (!announce.success || announce.data.node === config.node || heard.size >= count) return;
    heard.set(announce.data.node, announce.data);
    if (heard.size >= least) end();
  };
  // The server itself ends it: a cluster of thousands would send as many messages before we could.
  const listening = await bus.subscribe(subjects.announceAll, ({ body }) => listen(body), {
    max: 2 * count + 2,
  });
  const settle = () => {
    least = Math.min(count, Math.max(1, Math.round(nodes.seen ?? 1)));
    if (heard.size >= least) end();
  };
  // Not before the server has confirmed it, which may take as long.
  const cancels = [clock.after(HEARD_MS, settle), clock.after(LATE_MS, end)];
  signal?.addEventListener('abort', end);
  await enough;
  signal?.removeEventListener('abort', end);
  for (const cancel of cancels) cancel();
  const seconds = Math.max(1, clock.monotonicMs() - beganMs) / 1000;
  nodes.seen ??= heard.size < count ? heard.size : Math.max(heard.size, heard.size / seconds);
  await listening.stop();
  return [...heard.values()];
}

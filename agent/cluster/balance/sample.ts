import { Announce } from '../../../protocol/mod.ts';
import type { Agent } from '../../migration/agent.ts';

/** Everybody announces itself about once a second; a busy node some time later. */
const HEARD_MS = 1_600;

/**
 * Listens until so many other nodes have announced themselves: a random sample, for everybody does so about once a second, each
 * at its own time. How long that takes tells how many nodes there are, as long as no auction has.
 */
export async function sampleNodes(agent: Agent, count: number): Promise<Announce[]> {
  const { bus, subjects, clock, config, nodes } = agent;
  const heard = new Map<string, Announce>();
  const beganMs = clock.monotonicMs();
  let end = () => {};
  const enough = new Promise<void>((resolve) => {
    end = resolve;
  });
  const cancel = clock.after(HEARD_MS, end);
  const listen = (body: unknown) => {
    const announce = Announce.safeParse(body);
    if (!announce.success || announce.data.node === config.node || heard.size >= count) return;
    heard.set(announce.data.node, announce.data);
    if (heard.size >= count) end();
  };
  // The server itself ends it: a cluster of thousands would send as many messages before we could.
  const listening = await bus.subscribe(subjects.announceAll, ({ body }) => listen(body), {
    max: 2 * count + 2,
  });
  await enough;
  cancel();
  const seconds = Math.max(1, clock.monotonicMs() - beganMs) / 1000;
  nodes.seen ??= heard.size < count ? heard.size : Math.max(heard.size, heard.size / seconds);
  await listening.stop();
  return [...heard.values()];
}

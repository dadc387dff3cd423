import { innerPids } from '../../host/inner-pids.ts';
import type { CgroupPaths } from '../../runtime/runtime.ts';
import { type FirstPage, PAGE_BYTES, TaskMemory, writeFirstPages } from '../../transfer/pages/mod.ts';
import type { Agent } from '../agent.ts';
import type { Plan } from './words.ts';

/** The container stands still for them: what the link carries meanwhile has to be worth it. */
const LINK_MS = 20;

export interface FirstPagesRequest {
  readonly plan: Plan;
  /** Where the other images are. */
  readonly dir: string;
  /** The frozen container's, where its pages follow; else only what is known goes along, for the move after this one. */
  readonly cgroup?: CgroupPaths;
}

/** Puts the pages that the container is known to need first beside its images. Never rejects: without them the move is only slower. */
export async function addFirstPages(agent: Agent, { plan, dir, cgroup }: FirstPagesRequest): Promise<void> {
  const known = agent.firstPages.of(plan.owned.record.uuid);
  if (known.length === 0) return;
  try {
    if (!cgroup) return await writeFirstPages(dir, known);
    const memory = await TaskMemory.open(await innerPids(cgroup));
    await writeFirstPages(dir, affordable(plan, known), memory).finally(() => memory.close());
  } catch (error) {
    agent.log.warn({ job: plan.job, err: error }, 'the pages that are needed first do not go along');
  }
}

function affordable({ model, request }: Plan, pages: readonly FirstPage[]): readonly FirstPage[] {
  const { bandwidthBytesPerSecond = Number.POSITIVE_INFINITY } = request;
  const bytesPerSecond = Math.min(model.linkBytesPerSecond, bandwidthBytesPerSecond);
  return pages.slice(0, Math.floor((bytesPerSecond * LINK_MS) / 1_000 / PAGE_BYTES));
}

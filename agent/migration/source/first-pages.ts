import { type FirstPage, PAGE_BYTES, removeFirstPages, writeFirstPages } from '../../transfer/pages/mod.ts';
import type { Agent } from '../agent.ts';
import type { ServedPages } from './page-service.ts';
import type { Plan } from './words.ts';

/** The container stands still for them: no more than the link carries meanwhile. */
const LINK_MS = 20;
/** But what tasks waited for after one move: one by one over the same link these would take longer. */
const LEAST_PAGES = 256;

export interface FirstPagesRequest {
  readonly plan: Plan;
  /** Where the other images are. */
  readonly dir: string;
  /** Where its pages follow; else only what is known goes along, for the move after this one. */
  readonly pages?: ServedPages | undefined;
}

/** Puts the pages that the container is known to need first beside its images. Never rejects: without them the move is only slower. */
export async function addFirstPages(agent: Agent, { plan, dir, pages }: FirstPagesRequest): Promise<void> {
  const known = agent.firstPages.of(plan.owned.record.uuid);
  if (known.length === 0) return;
  try {
    if (pages) await writeFirstPages(dir, affordable(plan, known), await pages.memory());
    else await writeFirstPages(dir, known);
  } catch (error) {
    removeFirstPages(dir);
    agent.log.warn({ job: plan.job, err: error }, 'the pages that are needed first do not go along');
  }
}

function affordable({ model, request }: Plan, pages: readonly FirstPage[]): readonly FirstPage[] {
  const { bandwidthBytesPerSecond = Number.POSITIVE_INFINITY } = request;
  const bytesPerSecond = Math.min(model.linkBytesPerSecond, bandwidthBytesPerSecond);
  const carried = Math.floor((bytesPerSecond * LINK_MS) / 1_000 / PAGE_BYTES);
  return pages.slice(0, Math.max(LEAST_PAGES, carried));
}

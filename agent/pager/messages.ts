import { z } from 'zod';
import { LIMITS, WireErrorSchema } from '../../protocol/mod.ts';
import { FirstPagesList } from '../transfer/pages/mod.ts';

/** Files of the pager in the directory of its side of a move. */
export const PAGER_FILES = { config: 'pager.json', socket: 'pager.sock', log: 'pager.log' } as const;
/** Longest line either side takes. */
export const LINE_BYTES = 64 * 1024;

/** What a pager is started with; its file is for root alone, for the token in it. */
export const PagerConfig = z.object({
  job: z.string(),
  /** Directory of the target's side of the move: socket, logs, the socket of criu's daemon. */
  dir: z.string(),
  /** Where criu's daemon waits for its images. */
  gate: z.string(),
  /** Directories of the rounds that came before, oldest first. */
  rounds: z.array(z.string()).max(LIMITS.roundsMax),
  /** Bytes of the page server's header in this node's criu. */
  wire: z.union([z.literal(24), z.literal(32)]),
  /** The source's data port; none where all pages are in the rounds and the final images. */
  pages: z
    .object({
      host: z.string(),
      port: z.number().int(),
      token: z.string(),
      encrypt: z.boolean().optional(),
    })
    .optional(),
  deadlineMs: z.number(),
});
export type PagerConfig = z.infer<typeof PagerConfig>;

const Cgroup = z.object({ version: z.enum(['v1', 'v2']), dirs: z.record(z.string(), z.string()) });

/** What an agent asks of its pager, a line each. Every one may be said again. */
export const PagerRequest = z.discriminatedUnion('do', [
  /** The final images are complete in this directory. */
  z.object({ do: z.literal('begin'), images: z.string() }),
  /** This is the container: it is frozen before a missing page could be taken for an empty one. */
  z.object({ do: z.literal('guard'), cgroup: Cgroup }),
  /** The source's agent itself has said that it holds no pages (any more). */
  z.object({ do: z.literal('gone') }),
  /** The move is over, or its container is dead. */
  z.object({ do: z.literal('stop') }),
]);
export type PagerRequest = z.infer<typeof PagerRequest>;

/** How far a pager is: said whenever it changes, and first to an agent that connects. */
export const PagerStatus = z.object({
  /** criu's daemon waits for its images. */
  ready: z.boolean(),
  /** It has them: the restore may begin. */
  started: z.boolean(),
  /** The source is not needed any more. */
  received: z.boolean(),
  /** Every page is where it belongs. */
  filled: z.boolean(),
  /**
   * The source's data port is there, but has no key in common with this one: it does not know the job, or is not the source.
   * Who asks its agent over the bus can tell, and say `gone`.
   */
  keyless: z.boolean(),
  /** What the tasks waited for first, once that is over. */
  first: FirstPagesList.optional(),
  /** The pages will never be complete; the container, if there was one, is frozen. */
  error: WireErrorSchema.optional(),
});
export type PagerStatus = z.infer<typeof PagerStatus>;

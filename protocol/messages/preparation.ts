import { z } from 'zod';
import { message } from './message.ts';

/** `check` changes nothing, `apply` writes what is missing, `undo` removes what `apply` wrote. */
export const PrepareRootfsRequest = message('container.prepare-rootfs.request', {
  action: z.enum(['check', 'apply', 'undo']).default('check'),
});

/** One file that a system container needs in its root to be moved. */
export const PreparedFile = z.object({
  /** As the container sees it. */
  path: z.string(),
  /** `old`: written by another version; `foreign`: not written by godwit, and left alone. */
  state: z.enum(['there', 'missing', 'old', 'foreign', 'written', 'removed']),
  content: z.string(),
  why: z.string(),
  cost: z.string(),
});
export type PreparedFile = z.infer<typeof PreparedFile>;

export const Preparation = message('container.preparation', {
  container: z.string(),
  node: z.string(),
  /** Other inits need nothing. */
  init: z.enum(['systemd', 'other']),
  files: z.array(PreparedFile),
  /** Everything is in its place; a running container may still be one that was started before. */
  prepared: z.boolean(),
  /** It runs, and reads what was changed at its next start. */
  restartNeeded: z.boolean(),
});
export type Preparation = z.infer<typeof Preparation>;

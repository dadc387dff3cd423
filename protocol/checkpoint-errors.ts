import type { CatalogueEntry } from './catalogue-entry.ts';

/** The catalogue's entries for checkpoints and restores, and for the jobs that make them. */
export const CHECKPOINT_ERRORS = {
  CHECKPOINT_NOT_FOUND: {
    status: 404,
    exit: 3,
    message: "there is no checkpoint '{checkpoint}' in the store of {node}",
    hint: '`godwit checkpoints` lists them; stores that are not shared differ from node to node (--node).',
  },
  CHECKPOINTS_OFF: {
    status: 412,
    exit: 8,
    message: '{node} has no checkpoint store',
    hint: 'Name a directory, best one that all nodes share, under [checkpoints] in agent.toml.',
  },
  CHECKPOINT_DAMAGED: {
    status: 422,
    exit: 8,
    message: 'the checkpoint {checkpoint} is damaged: {file}: {problem}',
    hint: 'Nothing was started from it. Take an older one: `godwit checkpoints NAME`.',
  },
  CHECKPOINT_NEEDED: {
    status: 409,
    exit: 5,
    message: 'the checkpoint {checkpoint} is needed: {child} has only what changed since',
    hint: 'Delete the newer one first, or let `godwit checkpoints prune` choose.',
  },
  CHECKPOINT_REFUSED: {
    status: 412,
    exit: 8,
    message: "the {what} of '{container}' on {node} is refused: {problem}",
    hint: 'Every reason is listed with its cure; --unsafe skips the overridable ones.',
  },
  CHECKPOINT_FAILED: {
    status: 500,
    exit: 1,
    message: "the checkpoint of '{container}' could not be written: {problem}",
    hint: 'The container runs on, and nothing of the checkpoint is left.',
  },
  CHECKPOINT_NOT_RESTORED: {
    status: 500,
    exit: 1,
    message: "'{container}' could not be restored from {checkpoint} on {node}: {problem}",
    hint: 'Nothing of it runs; it is stopped. {cure}',
  },
  OWNER_SILENT: {
    status: 504,
    exit: 9,
    message: "{owner}, which owns '{container}', does not answer: whether it runs there is not known",
    hint: 'Bring that node back; if it is dead for good, say so with --force.',
  },
  JOB_ABORTED: {
    status: 499,
    exit: 1,
    message: 'the {what} was aborted: {problem}',
    hint: 'The container is as it was before.',
  },
  JOB_TIMEOUT: {
    status: 504,
    exit: 124,
    message: 'the {what} did not finish within {timeoutMs} ms and was undone',
    hint: 'The container is as it was before; give it more time with --timeout.',
  },
} as const satisfies Record<string, CatalogueEntry>;

/** What one catalogue entry says. `exit` is the CLI's exit code (DESIGN section 10), `status` the number that travels
 * in `Nats-Service-Error-Code`; `{name}` in a message or hint is replaced from the error's details. */
export interface CatalogueEntry {
  readonly status: number;
  readonly exit: number;
  readonly message: string;
  readonly hint: string;
}

/** Every error godwit knows, by its stable code. `protocol/ERRORS.md` lists the same codes; a test keeps them equal. */
export const CATALOGUE = {
  USAGE: { status: 400, exit: 2, message: '{problem}', hint: 'See `godwit --help`.' },
  NAME_INVALID: {
    status: 400,
    exit: 2,
    message: "'{name}' is not a valid {what}",
    hint: 'Container names match [a-zA-Z0-9][a-zA-Z0-9_.-]* without "..", ids match [A-Za-z0-9_-]+, 63 characters at most.',
  },
  MESSAGE_INVALID: {
    status: 400,
    exit: 2,
    message: 'the message on {subject} was refused: {problem}',
    hint: 'Both sides must speak protocol v1; compare `godwit version` with `godwit node ls -o wide`.',
  },
  MESSAGE_TOO_LARGE: {
    status: 413,
    exit: 2,
    message: 'the message of {bytes} bytes is over the limit of {limitBytes}',
    hint: 'The limits stand in protocol/limits.ts.',
  },
  XML_MALFORMED: {
    status: 400,
    exit: 2,
    message: '{file}:{line}:{column}: {problem}',
    hint: 'Check the document with `xmllint --noout FILE`.',
  },
  XML_REFUSED: {
    status: 400,
    exit: 2,
    message: '{file}:{line}:{column}: {problem}',
    hint: 'godwit refuses what it cannot honour instead of dropping it; remove or change the element.',
  },
  LXC_REFUSED: {
    status: 400,
    exit: 2,
    message: "'{container}' cannot be adopted: {problem}",
    hint: "Remove or change the setting in LXC's configuration; `protocol/README.md` says what is kept.",
  },
  CONFIG_INVALID: {
    status: 400,
    exit: 2,
    message: 'the configuration {file} is not valid: {problem}',
    hint: 'See the sample in deploy/agent.toml.',
  },
  CONTAINER_NOT_FOUND: {
    status: 404,
    exit: 3,
    message: "no node owns a container named '{container}'",
    hint: '`godwit ps -a` lists every container of the cluster.',
  },
  NODE_NOT_FOUND: {
    status: 404,
    exit: 3,
    message: "no node named '{node}' answers",
    hint: '`godwit node ls` lists the nodes that answer.',
  },
  NO_NODES: {
    status: 404,
    exit: 3,
    message: "no node of the cluster '{cluster}' answers",
    hint: 'Is the name right (--cluster, GODWIT_CLUSTER), and does an agent run on this bus?',
  },
  JOB_NOT_FOUND: {
    status: 404,
    exit: 3,
    message: "no node knows a job '{job}'",
    hint: '`godwit job ls` lists the jobs that are remembered.',
  },
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
  NO_TARGET: {
    status: 409,
    exit: 4,
    message: "no node can take '{container}': {problem}",
    hint: '`godwit auction NAME` shows what every node says; `godwit migrate NAME NODE --dry-run` asks one of them thoroughly.',
  },
  EVACUATION_INCOMPLETE: {
    status: 409,
    exit: 4,
    message: '{left} containers are still on {node}: {containers}',
    hint: 'They run on; `godwit job show JOB` has the reason of each. `godwit node uncordon NODE` lets it take containers again.',
  },
  CONTAINER_EXISTS: {
    status: 409,
    exit: 5,
    message: "a container named '{container}' exists already on {node}",
    hint: 'Choose another name, or undefine the existing one first.',
  },
  CONTAINER_BUSY: {
    status: 409,
    exit: 5,
    message: "'{container}' is busy with job {job}",
    hint: 'Watch it with `godwit job watch JOB`, or end it with `godwit job abort JOB`.',
  },
  CONTAINER_STATE: {
    status: 409,
    exit: 5,
    message: "'{container}' is {state}; it must be {wanted} for this",
    hint: '`godwit ps -a` shows the state of each container.',
  },
  RECORD_CONFLICT: {
    status: 409,
    exit: 5,
    message: "somebody else changed the record of '{container}' first",
    hint: 'Look at it with `godwit inspect NAME` and try again.',
  },
  JOB_STATE: {
    status: 409,
    exit: 5,
    message: 'job {job} is {state}: {problem}',
    hint: 'A move can be aborted until its commit; see `godwit job show JOB`.',
  },
  BUS_UNREACHABLE: {
    status: 503,
    exit: 6,
    message: 'no NATS server answers at {servers}: {problem}',
    hint: 'Is the agent running there? Set NATS_URL or --server to a reachable one.',
  },
  BUS_TIMEOUT: {
    status: 504,
    exit: 6,
    message: 'no answer on {subject} within {timeoutMs} ms',
    hint: 'The agent may be overloaded or cut off; look at its log.',
  },
  STORE_UNAVAILABLE: {
    status: 503,
    exit: 6,
    message: 'the container records cannot be reached: {problem}',
    hint: 'JetStream needs a majority of its servers; see `godwit doctor`.',
  },
  NOT_ALLOWED: {
    status: 403,
    exit: 7,
    message: 'not allowed: {problem}',
    hint: 'Use credentials that permit this (NATS_CREDS, --creds).',
  },
  PREFLIGHT_REFUSED: {
    status: 412,
    exit: 8,
    message: "'{container}' cannot move to {target}: {problem}",
    hint: 'Every reason is listed with its cure; --unsafe skips the overridable ones.',
  },
  NODE_LACKS: {
    status: 412,
    exit: 8,
    message: "{node} cannot run '{container}': it lacks {problem}",
    hint: 'Define it on another node, change the element, or give the node what it lacks (networks: agent.toml).',
  },
  MODE_UNAVAILABLE: {
    status: 412,
    exit: 8,
    message: 'mode {mode} is not possible between {source} and {target}: {problem}',
    hint: '{cure} Use --mode auto to let godwit pick one that works.',
  },
  UNSUPPORTED: {
    status: 501,
    exit: 2,
    message: '{problem}',
    hint: 'This version of godwit does not do that.',
  },
  RUNTIME_FAILED: {
    status: 500,
    exit: 1,
    message: '{tool} failed for {container}: {problem}',
    hint: 'Its output is in the agent log and in `godwit job show JOB`.',
  },
  EXEC_FAILED: {
    status: 500,
    exit: 1,
    message: "the command could not be run in '{container}': {problem}",
    hint: 'Is the program in the container, and is the container running?',
  },
  DUMP_FAILED: {
    status: 500,
    exit: 1,
    message: 'criu dump failed: {problem}',
    hint: 'The container runs on at the source. {cure}',
  },
  RESTORE_FAILED: {
    status: 500,
    exit: 1,
    message: 'restore on {target} failed: {problem}',
    hint: 'The container runs on at the source. {cure}',
  },
  TRANSFER_FAILED: {
    status: 500,
    exit: 1,
    message: 'the data stream between {source} and {target} broke: {problem}',
    hint: 'Check that the data port (default 7433) is reachable both ways.',
  },
  TARGET_SILENT: {
    status: 504,
    exit: 1,
    message: '{target} did not answer within {timeoutMs} ms while {doing}',
    hint: 'The container runs on at the source. Look at the agent on the target.',
  },
  MOVE_ABORTED: {
    status: 499,
    exit: 1,
    message: 'the move was aborted: {problem}',
    hint: 'The container runs on at the source.',
  },
  NOT_CONVERGING: {
    status: 409,
    exit: 1,
    message: "'{container}' changes its memory too fast: {problem}",
    hint: 'Allow more (--max-downtime, --bandwidth), or choose what to do then: --on-nonconverge cutover, throttle or postcopy.',
  },
  MOVE_TIMEOUT: {
    status: 504,
    exit: 124,
    message: 'the move did not finish within {timeoutMs} ms and was undone',
    hint: 'The container runs on at the source; give it more time with --timeout.',
  },
  CHILD_TIMEOUT: {
    status: 504,
    exit: 1,
    message: '{tool} did not end within {timeoutMs} ms and was killed',
    hint: 'Something on the host hangs; look at its log and at dmesg.',
  },
  HOST_FAILED: {
    status: 500,
    exit: 1,
    message: '{action} failed: {problem}',
    hint: 'The agent needs root and the tools that `godwit doctor` checks.',
  },
  OUTCOME_UNKNOWN: {
    status: 500,
    exit: 9,
    message: "the outcome for '{container}' is unknown: {problem}",
    hint: 'It stays frozen so that nothing runs twice. Find out which copy is good, then `godwit job resolve JOB --keep NODE`.',
  },
  CONTAINER_LOST: {
    status: 500,
    exit: 9,
    message: "'{container}' is lost: {problem}",
    hint: 'It is frozen and never runs on zero pages. While the source holds its copy, `godwit job resolve JOB --keep NODE` lets that go on.',
  },
  INTERNAL: {
    status: 500,
    exit: 1,
    message: 'godwit has a defect: {problem}',
    hint: 'Please report it with the agent log.',
  },
} as const satisfies Record<string, CatalogueEntry>;

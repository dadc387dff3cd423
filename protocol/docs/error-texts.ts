import type { ErrorCode } from '../errors.ts';

/** What people should know of an error beyond its message: what it means, why it comes, what helps. */
export interface ErrorText {
  readonly meaning: string;
  readonly cause: string;
  readonly cure: string;
}

/** One text for each code; a code without one does not compile. */
export const ERROR_TEXTS: Readonly<Record<ErrorCode, ErrorText>> = {
  USAGE: {
    meaning: 'The command line does not make sense.',
    cause: 'An unknown flag, a missing argument, or a value of the wrong form.',
    cure: 'Read `godwit COMMAND --help`.',
  },
  NAME_INVALID: {
    meaning: 'A name cannot be used on the bus or as a path segment.',
    cause: 'Characters outside the allowed set, `..`, or more than 63 characters.',
    cure: 'Use letters, digits, `_`, `-` and, for containers, single dots.',
  },
  MESSAGE_INVALID: {
    meaning: 'A message does not fit its schema; the path of what is wrong is named.',
    cause: 'A sender of another protocol version, or one that is not godwit.',
    cure: 'Bring both sides to the same version; the schemas are in `protocol/schema/`.',
  },
  MESSAGE_TOO_LARGE: {
    meaning: 'A message is larger than the bus carries.',
    cause: 'A very large description or output.',
    cure: 'Make it smaller. Bulk data never travels on the bus.',
  },
  XML_MALFORMED: {
    meaning: 'A description is no well-formed XML; line and column say where.',
    cause: 'Unbalanced tags, an unknown entity, a wrong encoding, a duplicate attribute.',
    cure: 'Check it with `xmllint --noout FILE`.',
  },
  XML_REFUSED: {
    meaning: 'A description asks for something godwit cannot honour; each such place is named.',
    cause: 'An unknown element or attribute, a wrong value, a document type, too much of something.',
    cure: 'Remove or change what is named; `protocol/README.md` lists what is honoured.',
  },
  LXC_REFUSED: {
    meaning:
      "A container of LXC's cannot be adopted as it is; each setting that stands in the way is named with its file and line.",
    cause:
      'A setting that no element expresses and that would not come through a move: a hook, a shared namespace, a card of the host.',
    cure: "Remove or change it in LXC's configuration, or write the domain XML by hand.",
  },
  CONFIG_INVALID: {
    meaning: "The agent's configuration cannot be used.",
    cause: 'An unknown key, a wrong value, or a file that is no TOML.',
    cure: 'Compare it with the sample `deploy/agent.toml`.',
  },
  CONTAINER_NOT_FOUND: {
    meaning: 'No node answers for the container: nobody owns it, or its owner is down.',
    cause: 'A wrong name, or an owner that is off or cut off.',
    cure: 'Look at `godwit ps -a` and `godwit node ls`.',
  },
  CHECKPOINT_NOT_FOUND: {
    meaning: 'The node that was asked has no whole checkpoint of that id, or none of that container.',
    cause:
      'A wrong id, a checkpoint that was deleted or never finished, or a store that the nodes do not share.',
    cure: 'Look at `godwit checkpoints`; ask the node that made it with `--node`.',
  },
  CHECKPOINTS_OFF: {
    meaning: 'The node does not keep checkpoints.',
    cause: 'Its configuration names no directory for them.',
    cure: 'Set `dir` under `[checkpoints]` in agent.toml.',
  },
  CHECKPOINT_DAMAGED: {
    meaning: 'A file of the checkpoint is not what was written; it is named. No process was started from it.',
    cause: 'A broken disk or file system, or somebody who changed the file.',
    cure: 'Take another checkpoint; look for the reason before it happens to the next one.',
  },
  CHECKPOINT_NEEDED: {
    meaning: 'A checkpoint cannot be deleted, for a newer one builds on it.',
    cause:
      'Where the kernel tracks dirty memory a checkpoint has only the pages that were written since the one before; without that it is nothing.',
    cure: 'Delete the newer one first, or all but the newest with `godwit checkpoints prune NAME --keep 1`, which keeps what those that stay build on. `godwit checkpoint --full` makes one that builds on none.',
  },
  CHECKPOINT_REFUSED: {
    meaning:
      'A look at the container, or at the node that is to restore it, found what stands in the way; nothing was touched.',
    cause:
      'Each reason is listed, as for a move; the address of a clone that a running container has, most often.',
    cure: 'See the cure of each reason; `--dry-run` of a restore shows them, `--unsafe` skips what may be skipped.',
  },
  CHECKPOINT_FAILED: {
    meaning:
      'The images could not be brought into the store. The container runs on as if nothing had been tried.',
    cause: 'No room, a file system that is gone or read-only, a compressor that failed.',
    cure: 'Make room (`godwit checkpoints prune`), or look at the store.',
  },
  CHECKPOINT_NOT_RESTORED: {
    meaning: 'The checkpoint is whole, but no container came out of it; what was built of it is gone.',
    cause: 'What criu says: most often files of the root file system that have changed since.',
    cure: "Follow the hint; `godwit job show JOB` quotes criu's log.",
  },
  OWNER_SILENT: {
    meaning: 'A container is never restored elsewhere as long as it may run at its owner.',
    cause: 'The owner is off, or cut off from the bus.',
    cure: 'Bring it back. When it is dead for good, `--force` says so in your name.',
  },
  JOB_ABORTED: {
    meaning: 'A checkpoint or restore was ended by request, and undone.',
    cause: '`godwit job abort`, or an agent that restarted in the middle of it.',
    cure: 'Try again.',
  },
  JOB_TIMEOUT: {
    meaning: 'A checkpoint or restore took longer than it may, and was undone.',
    cause: 'A slow store, a large container, a busy node.',
    cure: 'Give it more time with `--timeout`.',
  },
  NODE_NOT_FOUND: {
    meaning: 'The node does not answer.',
    cause: 'A wrong name, or an agent that is off or cut off.',
    cure: 'Look at `godwit node ls`; start the agent there.',
  },
  NO_NODES: {
    meaning: 'The bus answers, but no node of the cluster does.',
    cause: 'A wrong cluster name, or no agent is running.',
    cure: 'Check `--cluster` and GODWIT_CLUSTER; start an agent.',
  },
  JOB_NOT_FOUND: {
    meaning: 'No node remembers the job.',
    cause: 'A wrong id, an agent that was restarted, or a job that is long over.',
    cure: 'Look at `godwit job ls`; ended jobs are also in `godwit events`.',
  },
  NO_TARGET: {
    meaning: 'No node can take the container.',
    cause: 'Every node is cordoned, incompatible or full.',
    cure: 'See the reasons with `godwit migrate NAME NODE --dry-run` and remove one.',
  },
  EVACUATION_INCOMPLETE: {
    meaning: 'A node could not be emptied; what is still there runs on.',
    cause:
      'No other node takes these containers, their moves failed, or the evacuation was aborted or ran out of time.',
    cure: 'See each reason with `godwit job show JOB`, make room or remove what stands in the way, and evacuate again.',
  },
  CONTAINER_EXISTS: {
    meaning: 'A container of that name exists in the cluster.',
    cause: 'Names are unique in a cluster.',
    cure: 'Choose another name, or undefine the existing container.',
  },
  CONTAINER_BUSY: {
    meaning: 'Another job holds the container; the second one is refused at once.',
    cause: 'Two requests at the same time.',
    cure: 'Wait for the named job, or abort it.',
  },
  CONTAINER_STATE: {
    meaning: 'The container is not in the state that the request needs.',
    cause: 'For example, a migration of a stopped container.',
    cure: 'Start or stop it first.',
  },
  RECORD_CONFLICT: {
    meaning: 'The compare-and-swap on the record was lost: somebody else was first.',
    cause: 'Two nodes or operators acted at once.',
    cure: 'Look at the record and decide anew.',
  },
  JOB_STATE: {
    meaning: 'The job is past the point where the request could change anything.',
    cause: 'An abort after the commit, or of an ended job.',
    cure: 'After a commit, move the container back instead.',
  },
  BUS_UNREACHABLE: {
    meaning: 'No NATS server can be reached.',
    cause: 'A wrong address, a server that is down, or a firewall.',
    cure: 'Check `--server`/NATS_URL and port 4222.',
  },
  BUS_TIMEOUT: {
    meaning: 'Somebody listens, but no answer came in time.',
    cause: 'An overloaded or hanging agent, or a slow network.',
    cure: "Look at that agent's log; try again.",
  },
  STORE_UNAVAILABLE: {
    meaning: 'The container records cannot be read or written.',
    cause: 'JetStream has no majority, no leader yet, or no disk space.',
    cure: 'Bring back the missing servers; see `godwit doctor`.',
  },
  NOT_ALLOWED: {
    meaning: 'The credentials do not permit this.',
    cause: 'No credentials, read-only ones, or those of another node.',
    cure: 'Use the right ones (NATS_CREDS, `--creds`).',
  },
  PREFLIGHT_REFUSED: {
    meaning: 'The move was refused before anything changed; all reasons are listed.',
    cause: 'Something differs between the nodes, or the container holds what CRIU cannot dump.',
    cure: 'Each reason names its cure; `--unsafe` skips the overridable ones.',
  },
  NODE_LACKS: {
    meaning: 'A node cannot run the container as it is described; all it lacks is named.',
    cause:
      'A network without a bridge there, processors or memory nodes it does not have, a limit its kernel does not know.',
    cure: 'Choose another node, change the element, or complete the node: networks are named in its agent.toml.',
  },
  MODE_UNAVAILABLE: {
    meaning: 'The wanted mode is not possible between these two nodes.',
    cause: 'A kernel or CRIU without the feature the mode needs, at either end; or an exposure limited to 0.',
    cure: 'Use `--mode auto`; `godwit doctor` says what is missing. Pre-copy and hybrid need a source that tracks changed memory.',
  },
  UNSUPPORTED: {
    meaning: 'This version cannot do that.',
    cause: 'The feature is planned or belongs to a newer version.',
    cure: 'See `godwit version` and the release notes.',
  },
  RUNTIME_FAILED: {
    meaning: 'A tool of the container runtime reported a failure.',
    cause: 'See its own words in the message.',
    cure: 'Try the same by hand on that node; the output is in the agent log.',
  },
  EXEC_FAILED: {
    meaning: 'The command could not be started in the container.',
    cause: 'No such program, or the container ended meanwhile.',
    cure: 'Check the path inside the container.',
  },
  DUMP_FAILED: {
    meaning: 'CRIU could not dump the container; it runs on at the source.',
    cause: 'The quoted lines of the CRIU log, usually something CRIU does not support.',
    cure: 'The hint says what is known; `godwit doctor` tests the node.',
  },
  RESTORE_FAILED: {
    meaning: 'The target could not restore the container; it runs on at the source.',
    cause: 'The quoted lines of the CRIU log, usually something missing on the target.',
    cure: 'The hint says what is known; make the target like the source.',
  },
  ROOTFS_FAILED: {
    meaning:
      'The root file system, which is to be copied, did not get to the target as it is; the container runs on at the source.',
    cause:
      'rsync failed at one end (room, permissions, attributes that the file system of the target does not have), or the copies differ.',
    cure: 'The problem names the first file or the last words of rsync.',
  },
  LOWER_DIFFERS: {
    meaning:
      'A lower directory of an overlay, which stays where it is, differs between the nodes; the container runs on at the source.',
    cause: 'The image was changed, updated or only partly copied at one of the nodes.',
    cure: 'The problem names the first path that differs: bring the same image to both nodes. What a list of names and sizes shows is refused in pre-flight already (PREFLIGHT_REFUSED).',
  },
  TRANSFER_FAILED: {
    meaning: 'The data connection between the two nodes broke.',
    cause: 'A cut network, a blocked port, a full disk at the receiver.',
    cure: 'Check the data port (default 7433) both ways, then try again.',
  },
  TARGET_SILENT: {
    meaning: 'The target stopped answering before the commit; the container runs on at the source.',
    cause: 'Its agent or its network is down.',
    cure: 'Look at the target; choose another one.',
  },
  MOVE_ABORTED: {
    meaning: 'The move was undone before its commit; the container runs on at the source.',
    cause: 'Somebody aborted it, or one side gave up.',
    cure: 'Start it again when the reason is gone.',
  },
  NOT_CONVERGING: {
    meaning: 'Pre-copy did not come down to the wanted downtime, and the policy was to abort then.',
    cause: 'The container dirties memory nearly as fast as the link carries it away, or faster.',
    cure: 'Raise `--max-downtime`, or pass `--on-nonconverge cutover`, `throttle` or `postcopy`.',
  },
  MOVE_TIMEOUT: {
    meaning: 'The move took longer than allowed and was undone.',
    cause: 'Too much memory for the link, or a hanging step.',
    cure: 'Raise `--timeout`; `godwit job show JOB` shows which phase took the time.',
  },
  CHILD_TIMEOUT: {
    meaning: 'A program the agent started did not end in time and was killed.',
    cause: 'A hanging kernel operation, storage or tool.',
    cure: 'Look at the host (`dmesg`, blocked processes).',
  },
  HOST_FAILED: {
    meaning: 'Something the agent does on the host itself failed.',
    cause: 'Missing privileges, tools or kernel features.',
    cure: 'Run `godwit doctor` for that node.',
  },
  OUTCOME_UNKNOWN: {
    meaning:
      'Nobody can know which copy of the container is the true one; the one at the source stays frozen.',
    cause: 'The target lost power after the commit: its copy is gone, and may have run before.',
    cure: 'Decide with `godwit job resolve JOB --keep NODE`; `godwit job show JOB` says who holds a copy.',
  },
  CONTAINER_LOST: {
    meaning: 'The container cannot be brought back by itself.',
    cause: 'The source died after the commit, before all its pages had moved, or both nodes lost power.',
    cure: 'While the source holds its frozen copy: `godwit job resolve JOB --keep NODE`. With `--keep` and its target it is given up, and can be started anew.',
  },
  INTERNAL: {
    meaning: 'godwit itself is wrong.',
    cause: 'A defect.',
    cure: 'Report it with the log of the agent.',
  },
};

import { LIMITS, pagesFollowIn, type Refusal } from '../../protocol/mod.ts';
import { type RefusalCode, refuse } from './catalogue.ts';
import type { CopiedFacts, SourceFacts } from './facts.ts';
import { fileFindings } from './judge/files.ts';
import type { Finding } from './judge/finding.ts';
import { mountFindings } from './judge/mounts.ts';
import { socketFindings } from './judge/sockets.ts';
import { taskFindings } from './judge/tasks.ts';
import type { ContainerLook } from './look/look.ts';
import { featureRefusals, rsyncRefusals, softwareRefusals } from './software.ts';
import { duration, mebibytes, some } from './words.ts';

/** Pages criu has in flight while it serves them; with smaller pipes its page server dies. */
const PIPE_BYTES = 64 * 1024 * 1024;

/** Every reason why the container cannot leave its node, at once; empty when it can. Pure. */
export function sourceRefusals(facts: SourceFacts): Refusal[] {
  const { node, jobs } = facts;
  const found: Refusal[] = [];
  const add = (code: RefusalCode, what = '') => found.push(refuse(code, node, what));

  if (jobs?.ofContainer) add('JOB_RUNNING', jobs.ofContainer);
  if (jobs && jobs.running >= jobs.limit)
    add('JOBS_FULL', `${jobs.running} outgoing moves of at most ${jobs.limit}`);
  found.push(...softwareRefusals(node, facts.capabilities));
  found.push(...featureRefusals(node, 'source', facts.mode, facts.capabilities.features, {}));
  if (pagesFollowIn(facts.mode) && facts.pipe.maxBytes < PIPE_BYTES && !facts.pipe.raisable)
    add('PIPE_SIZE_SMALL', mebibytes(facts.pipe.maxBytes));
  if (facts.dataPort?.problem !== undefined)
    add('DATA_PORT_UNREACHABLE', `${facts.dataPort.address}: ${facts.dataPort.problem}`);
  const aheadMs = facts.targetAheadMs ?? 0;
  if (aheadMs > LIMITS.clockSkewMs) add('CLOCK_SKEW', `${duration(aheadMs)} behind the target's`);
  if (facts.copied.length > 0) found.push(...copiedRefusals(node, facts.copied, facts.capabilities.rsync));
  if (facts.staying.length > 0) add('VOLUME_STAYS', some(facts.staying));
  if (facts.unheard.length > 0) add('WATCHDOG_UNHEARD', some(facts.unheard));
  if (facts.look) found.push(...lookRefusals(node, facts.look));
  else add('NOT_RUNNING', `it is ${facts.state}`);
  return found.slice(0, LIMITS.refusals);
}

function copiedRefusals(node: string, copied: readonly CopiedFacts[], rsync: string | undefined): Refusal[] {
  const mounts = copied.flatMap((one) => one.mounts);
  const kept = copied.flatMap(({ keptTaken, root }) => (keptTaken ? [`${root}.migrated`] : []));
  const files = copied.flatMap(({ directory, root }) => (directory ? [] : root));
  const used = copied.flatMap(({ root, users }) => users.map((user) => `${root} by ${user}`));
  return [
    ...rsyncRefusals(node, rsync),
    ...(mounts.length > 0 ? [refuse('ROOTFS_MOUNTS', node, some(mounts))] : []),
    ...(kept.length > 0 ? [refuse('ROOTFS_KEPT', node, some(kept))] : []),
    ...(files.length > 0 ? [refuse('VOLUME_NOT_DIRECTORY', node, some(files))] : []),
    ...(used.length > 0 ? [refuse('VOLUME_IN_USE', node, some(used))] : []),
  ];
}

/** What criu would refuse of a running container; one refusal a kind, with the first few cases. Pure. */
export function lookRefusals(node: string, look: ContainerLook): Refusal[] {
  const cases = new Map<RefusalCode, Set<string>>();
  const findings: Finding[] = [
    ...taskFindings(look),
    ...fileFindings(look),
    ...socketFindings(look),
    ...mountFindings(look),
    ...look.omitted.map((what): Finding => ({ code: 'LOOK_INCOMPLETE', what })),
  ];
  for (const { code, what } of findings) cases.set(code, (cases.get(code) ?? new Set()).add(what));
  return [...cases].map(([code, whats]) => refuse(code, node, some([...whats])));
}

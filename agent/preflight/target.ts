import { LIMITS, type Refusal } from '../../protocol/mod.ts';
import { outlineDifference } from '../rootfs/mod.ts';
import type { Lack } from '../runtime/runtime.ts';
import { type RefusalCode, refuse } from './catalogue.ts';
import type { TargetFacts, TargetRequest } from './facts.ts';
import { compatibilityRefusals, featureRefusals, rsyncRefusals, softwareRefusals } from './software.ts';
import { duration, mebibytes, some } from './words.ts';

/** Images without memory pages, logs and hooks of one move. */
const IMAGES_BYTES = 16 * 1024 * 1024;

/** What a copy needs for each byte: files that change are built anew beside the old ones. */
const ROOTFS_SHARE = 1.1;

/** What a node may lack, and the reason that it is. */
const LACKS = [
  ['network', 'NETWORK_UNKNOWN'],
  ['topology', 'TOPOLOGY_DIFFERS'],
  ['limit', 'LIMIT_UNAVAILABLE'],
  ['label', 'LABEL_UNAVAILABLE'],
] as const satisfies readonly (readonly [Lack['kind'], RefusalCode])[];

/** Every reason why the target cannot take the container, at once; empty when it can. Pure. */
export function targetRefusals(request: TargetRequest, facts: TargetFacts): Refusal[] {
  const { node } = facts;
  const found: Refusal[] = [];
  const add = (code: RefusalCode, what = '') => found.push(refuse(code, node, what));

  if (request.source === node) add('SAME_NODE');
  if (facts.state !== 'up') add('NODE_CORDONED', facts.state);
  if (facts.jobs.ofContainer && facts.jobs.ofContainer !== request.job)
    add('JOB_RUNNING', facts.jobs.ofContainer);
  if (facts.jobs.running >= facts.jobs.limit)
    add('JOBS_FULL', `${facts.jobs.running} incoming moves of at most ${facts.jobs.limit}`);
  found.push(...softwareRefusals(node, facts.capabilities));
  found.push(...featureRefusals(node, 'target', request.mode, facts.capabilities.features, request.spec));
  found.push(...compatibilityRefusals(node, request.sourceCapabilities, facts.capabilities));
  const missing = request.cpuFlags.filter((flag) => !facts.cpuFlags.includes(flag));
  if (facts.cpuFlags.length > 0 && missing.length > 0) add('CPU_FLAGS_MISSING', some(missing, 8));

  // A request that was long under way makes this clock look ahead: only the source can tell that, by our answers.
  const behindMs = request.nowMs - facts.nowMs;
  if (behindMs > LIMITS.clockSkewMs) add('CLOCK_SKEW', `${duration(behindMs)} behind the source's`);
  if (facts.sameName?.foreign) add('NAME_IN_USE', `${request.spec.name} is ${facts.sameName.state} there`);
  found.push(
    ...placeRefusals(request, facts),
    ...roomRefusals(request, facts),
    ...addressRefusals(request, facts),
  );
  return found;
}

function placeRefusals(request: TargetRequest, facts: TargetFacts): Refusal[] {
  const found: Refusal[] = [];
  const add = (code: RefusalCode, what: string) => found.push(refuse(code, facts.node, what));
  if (facts.missingBridges.length > 0) add('BRIDGE_MISSING', some(facts.missingBridges));
  for (const [kind, code] of LACKS) {
    const missing = facts.lacks.filter((lack) => lack.kind === kind).map(({ what }) => what);
    if (missing.length > 0) add(code, some(missing));
  }
  if (facts.missingSources.length > 0) add('MOUNT_SOURCE_MISSING', some(facts.missingSources));
  const { source } = request.spec.root;
  if (facts.places.length > 0) found.push(...arrivalRefusals(request, facts));
  const others = Object.keys(request.sharedInodes).filter(
    (path) =>
      facts.sharedInodes[path] !== undefined && facts.sharedInodes[path] !== request.sharedInodes[path],
  );
  if (others.length > 0) add('VOLUME_DIFFERS', some(others));
  for (const [root, look] of facts.lower) {
    const outline = request.lower[root];
    const places = outline ? outlineDifference(outline, look) : [];
    if (places.length > 0) add('LOWER_DIFFERS', `${root} has ${some(places)}`);
  }
  if (facts.places.some(({ root }) => root === source)) return found;
  if (!facts.rootfs) add('ROOTFS_MISSING', source);
  else if (request.rootfs) {
    if (request.rootfs.entries !== facts.rootfs.entries)
      add('ROOTFS_DIFFERS', `${source} holds other entries`);
    else if (request.rootfs.init !== facts.rootfs.init)
      add('ROOTFS_DIFFERS', `${request.spec.os.init} in ${source} is another program`);
    else if (request.rootfs.inode !== facts.rootfs.inode)
      add('ROOTFS_COPIED', `${source} is inode ${facts.rootfs.inode} here and ${request.rootfs.inode} there`);
  }
  return found;
}

/** Of what is copied; several may share a disk. */
function arrivalRefusals(
  { copiedBytes }: TargetRequest,
  { node, capabilities, places }: TargetFacts,
): Refusal[] {
  const found = rsyncRefusals(node, capabilities.rsync);
  const taken = places.flatMap(({ room, root }) => (room === 'taken' ? [root] : []));
  if (taken.length > 0) found.push(refuse('ROOTFS_TAKEN', node, some(taken)));
  const disks = new Map<string, { needBytes: number; availableBytes: number }>();
  for (const [at, { disk, availableBytes, basisBytes }] of places.entries()) {
    const sum = disks.get(disk) ?? { needBytes: 0, availableBytes };
    sum.needBytes += Math.ceil((copiedBytes[at] ?? 0) * ROOTFS_SHARE);
    sum.availableBytes += basisBytes;
    disks.set(disk, sum);
  }
  const short = [...disks.values()].filter(({ needBytes, availableBytes }) => availableBytes < needBytes);
  const words = short.map(
    ({ needBytes, availableBytes }) =>
      `${mebibytes(needBytes)} needed, ${mebibytes(availableBytes)} available`,
  );
  if (words.length > 0) found.push(refuse('ROOTFS_ROOM', node, some(words)));
  return found;
}

/** All but post-copy hold the pages twice for a while: as images on tmpfs and in the tasks. */
function roomRefusals(request: TargetRequest, facts: TargetFacts): Refusal[] {
  const found: Refusal[] = [];
  const add = (code: RefusalCode, what: string) => found.push(refuse(code, facts.node, what));
  const images = request.mode === 'postcopy' ? 0 : (request.imageBytes ?? request.memoryBytes);
  const needBytes = Math.ceil(request.memoryBytes * 1.1) + images;
  if (facts.memoryAvailableBytes < needBytes)
    add(
      'MEMORY_ROOM',
      `${mebibytes(needBytes)} needed for ${request.mode}, ${mebibytes(facts.memoryAvailableBytes)} available`,
    );
  if (facts.capabilities.memoryBytes < request.spec.memoryBytes)
    add(
      'MEMORY_LIMIT',
      `${mebibytes(request.spec.memoryBytes)} of ${mebibytes(facts.capabilities.memoryBytes)}`,
    );
  if (facts.runDir.availableBytes < IMAGES_BYTES)
    add(
      'RUN_DIR_ROOM',
      `${mebibytes(facts.runDir.availableBytes)} left in ${facts.runDir.path}, ${mebibytes(IMAGES_BYTES)} needed`,
    );
  if (!facts.runDir.tmpfs) add('RUN_DIR_DISK', facts.runDir.path);
  return found;
}

/** Who else has the container's addresses. */
export function addressRefusals(
  { spec }: Pick<TargetRequest, 'spec'>,
  facts: Pick<TargetFacts, 'node' | 'claims'>,
): Refusal[] {
  const addresses = new Set(spec.interfaces.flatMap((nic) => nic.addresses.map((one) => one.address)));
  const macs = new Set(spec.interfaces.map((nic) => nic.mac.toLowerCase()));
  const ours = (mac: string) => macs.has(mac.toLowerCase());
  // A neighbour that answers for our address with our MAC is the container itself, still at the source.
  const taken = facts.claims.flatMap((claim) =>
    claim.addresses
      .filter((address) => addresses.has(address) && (claim.local || !claim.macs.some(ours)))
      .map((address) => `${address} by ${claim.holder}`),
  );
  const takenMacs = facts.claims.flatMap((claim) =>
    claim.local ? claim.macs.filter(ours).map((mac) => `${mac} by ${claim.holder}`) : [],
  );
  return [
    ...(taken.length > 0 ? [refuse('ADDRESS_IN_USE', facts.node, some(taken))] : []),
    ...(takenMacs.length > 0 ? [refuse('MAC_IN_USE', facts.node, some(takenMacs))] : []),
  ];
}

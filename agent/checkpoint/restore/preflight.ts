import { readFile } from 'node:fs/promises';
import { copiedDirs, parseDomain, volumesWith } from '../../../protocol/domain/mod.ts';
import type { DomainSpec, Refusal } from '../../../protocol/mod.ts';
import type { Versioned } from '../../bus/bus.ts';
import { memoryAvailableBytes } from '../../host/kernel.ts';
import type { Agent } from '../../migration/agent.ts';
import { copiedTrees } from '../../migration/rootfs.ts';
import { type RefusalCode, refuse } from '../../preflight/catalogue.ts';
import { collectTargetFacts } from '../../preflight/collect-target.ts';
import type { TargetRequest } from '../../preflight/facts.ts';
import { neighbourClaims } from '../../preflight/neighbours.ts';
import { mountsIn, rootfsIdentity } from '../../preflight/rootfs.ts';
import { addressRefusals, targetRefusals } from '../../preflight/target.ts';
import { usersOf } from '../../preflight/users.ts';
import { compareVersions } from '../../preflight/versions.ts';
import { some } from '../../preflight/words.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { bytesOfImages } from '../chain.ts';
import { storeOf } from '../store-of.ts';
import type { RestorePlan } from './plan.ts';

/** Neighbours on the own link answer within a millisecond. */
const ASK_MS = 100;

/** The container that runs somewhere, as far as it may be in the way. */
interface Running {
  readonly name: string;
  readonly owner: string;
  readonly spec: DomainSpec;
}

/**
 * Every reason why this node cannot take the container out of the checkpoint, at once; empty when it can. Changes nothing.
 * `asks`: whether the neighbours are asked, too ({@link neighbourRefusals} does it apart).
 * @throws GodwitError CHECKPOINT_DAMAGED when what it builds on is not there; STORE_UNAVAILABLE, RUNTIME_FAILED
 */
export async function restoreRefusals(
  agent: Agent,
  job: string,
  plan: RestorePlan,
  { asks }: { readonly asks: boolean },
): Promise<Refusal[]> {
  const { config, runtime, runner, clock } = agent;
  const { manifest } = plan.found;
  const { spec } = plan;
  const withTrees = manifest.trees.length > 0;
  const running = runningElsewhere(await agent.bus.records.list(), spec.name);
  const request: TargetRequest = {
    job,
    source: '',
    sourceCapabilities: manifest.capabilities,
    mode: 'cold',
    memoryBytes: manifest.memoryBytes,
    imageBytes: bytesOfImages(await storeOf(agent).chain(plan.found)),
    cpuFlags: manifest.cpuFlags,
    copiedBytes: manifest.trees.map(({ bytes }) => bytes),
    sharedInodes: {},
    lower: {},
    limitFiles: manifest.limitFiles,
    ...(await expectedRootfs(plan)),
    nowMs: clock.nowMs(),
    spec,
  };
  const look = collectTargetFacts(request, {
    node: config.node,
    state: plan.way === 'own' ? 'up' : agent.node.state,
    capabilities: await agent.capabilities(),
    jobs: { running: agent.arriving.size, limit: config.movesInMax },
    memoryAvailableBytes: await memoryAvailableBytes(),
    runDir: config.runDir,
    ...(withTrees ? { stateDir: config.stateDir, replaces: plan.way === 'own' } : {}),
    neighbours: agent.containers.list().map((owned) => owned.spec),
    runtime: plan.way === 'own' ? withoutOwn(runtime, spec.name) : runtime,
    ours: (name) => agent.containers.has(name),
    containers: running.map(({ name, owner, spec: { interfaces } }) => ({
      name: `${name} on ${owner}`,
      addresses: interfaces.flatMap((nic) => nic.addresses.map((one) => one.address)),
      macs: interfaces.map((nic) => nic.mac),
    })),
    neighboursLater: true,
    runner,
    clock,
  });
  const [facts, answers] = await Promise.all([look, asks ? neighbourRefusals(agent, plan) : []]);
  const found = targetRefusals(request, facts).filter(({ code }) => code !== WIRE);
  if (
    isOlder(facts.capabilities.criu, manifest.capabilities.criu) &&
    !found.some(({ code }) => code === OLDER)
  )
    found.push(
      refuse(OLDER, config.node, `${facts.capabilities.criu} here, ${manifest.capabilities.criu} then`),
    );
  const mounts = withTrees ? await mountsInPlaces(spec) : [];
  if (mounts.length > 0) found.push(refuse('ROOTFS_MOUNTS', config.node, some(mounts)));
  const absent = withTrees || manifest.node === config.node ? [] : volumesWith(spec, 'copy');
  if (absent.length > 0)
    found.push(refuse('VOLUME_DIFFERS', config.node, `not in the checkpoint: ${some(absent)}`));
  const used = withTrees ? [] : usedByOthers(agent, plan, running);
  if (used.length > 0) found.push(refuse('ROOTFS_TAKEN', config.node, some(used)));
  const sharing = running.filter((other) => other.spec.root.source === spec.root.source);
  if (sharing.length > 0)
    found.push(refuse('ROOTFS_IN_USE', config.node, `${sharing[0]?.name} on ${sharing[0]?.owner}`));
  return [...found, ...answers];
}

/** That it stands still is known, and its restore may have begun. */
function withoutOwn(runtime: Runtime, own: string): Pick<Runtime, 'list' | 'lacks' | 'bridges'> {
  return {
    list: async () => (await runtime.list()).filter(({ name }) => name !== own),
    lacks: (spec, limitFiles) => runtime.lacks(spec, limitFiles),
    bridges: (spec) => runtime.bridges(spec),
  };
}

/**
 * Asks who else answers for the container's addresses, which takes {@link ASK_MS} when nobody does: so it is asked while the tasks are
 * built. Their own interface answers with their own MAC, which is no refusal; but with `force` nothing of it is to be anywhere.
 */
export async function neighbourRefusals(
  { config, runner }: Agent,
  { spec, way }: Pick<RestorePlan, 'spec' | 'way'>,
): Promise<Refusal[]> {
  const addresses = spec.interfaces.flatMap((nic) => nic.addresses.map((one) => one.address));
  const claims = await neighbourClaims(runner, addresses, ASK_MS);
  const found = addressRefusals({ spec }, { node: config.node, claims });
  const own = new Set(spec.interfaces.map((nic) => nic.mac.toLowerCase()));
  const living = claims.filter(({ macs }) => macs.some((mac) => own.has(mac.toLowerCase())));
  if (way === 'force' && living.length > 0)
    found.push(refuse('COPY_ANSWERS', config.node, some(living.flatMap((claim) => claim.addresses))));
  return found;
}

/** Directories of a container's own that come from no checkpoint: what it works in already, others may share; anything else not. */
function usedByOthers(
  { containers, arriving }: Agent,
  { spec, way }: RestorePlan,
  running: readonly Running[],
): string[] {
  const others = [...containers.list(), ...arriving.values(), ...running].map((other) => other.spec);
  const own = way === 'own' ? copiedDirs(containers.get(spec.name).spec).map(({ root }) => root) : [];
  return copiedDirs(spec).flatMap(({ root }) =>
    own.includes(root) || usersOf(root, spec, others).length === 0 ? [] : root,
  );
}

/** What is mounted there could not be renamed, nor removed. */
async function mountsInPlaces(spec: DomainSpec): Promise<string[]> {
  const mountInfo = await readFile('/proc/self/mountinfo', 'utf8');
  return copiedTrees(spec).flatMap(({ root }) => mountsIn(mountInfo, root));
}

/** Nobody talks to a page server: the images are here. */
const WIRE: RefusalCode = 'CRIU_WIRE_DIFFERS';
const OLDER: RefusalCode = 'CRIU_OLDER';

function isOlder(here: string, then: string): boolean {
  return here !== '' && then !== '' && compareVersions(here, then, 2) < 0;
}

/** All containers of the cluster that are not at rest, but the one in question. */
function runningElsewhere(records: readonly Versioned[], except: string): Running[] {
  return records.flatMap(({ record: { name, owner, phase, spec } }) =>
    phase === 'stopped' || name === except
      ? []
      : [{ name, owner, spec: parseDomain(spec, { file: `record of ${name}` }) }],
  );
}

/** Another root is a copy, and has an inode of its own. */
async function expectedRootfs({ found, spec }: RestorePlan): Promise<Pick<TargetRequest, 'rootfs'>> {
  const { rootfs, spec: then } = found.manifest;
  if (!rootfs) return {};
  if (parseDomain(then, { file: `checkpoint ${found.manifest.id}` }).root.source === spec.root.source)
    return { rootfs };
  const here = await rootfsIdentity(spec.root.source, spec.os.init);
  return { rootfs: { ...rootfs, inode: here?.inode ?? rootfs.inode } };
}

import { decode } from '../../../protocol/codec.ts';
import {
  GodwitError,
  hasRounds,
  LIMITS,
  type MigrateRequest,
  NodeInfo,
  type Refusal,
} from '../../../protocol/mod.ts';
import type { Owned } from '../../containers/owned.ts';
import { standing } from '../../preflight/catalogue.ts';
import { chooseMode, type ModeChoice, type ModeQuestion } from '../../preflight/choose.ts';
import { collectSourceFacts } from '../../preflight/collect-source.ts';
import { sourceRefusals } from '../../preflight/source.ts';
import type { Agent } from '../agent.ts';
import { askTarget } from './ask-target.ts';
import { goalOf, maxExposureMs } from './goal.ts';
import type { Peer, Plan } from './words.ts';

/** How long after its start an agent's own server may not have heard yet who listens at the others; a request waits longer for its answer. */
const ROUTES_MS = 4_000;
const AGAIN_MS = 250;

/** What both ends said of a move to one target. */
export interface Offer {
  readonly plan: Plan;
  readonly choice: ModeChoice;
  readonly refusals: readonly Refusal[];
  readonly source: Plan['targetCapabilities'];
  /** Present when the target is ready and waits. */
  readonly peer?: Peer;
}

export interface Proposal {
  readonly job: string;
  readonly owned: Owned;
  readonly request: MigrateRequest;
  /** Nodes that are not asked when no target is named. */
  readonly exclude?: readonly string[];
}

/**
 * Asks one target: chooses the mode from what both ends can do, looks at both ends, and unless it is a dry run reserves
 * the place when nothing speaks against it.
 * @throws GodwitError NODE_NOT_FOUND, MODE_UNAVAILABLE, BUS_TIMEOUT
 */
export async function offerTo(agent: Agent, target: string, proposal: Proposal): Promise<Offer> {
  const { clock, runtime, config } = agent;
  const pagesToken = agent.random.token();
  const { job, owned, request } = proposal;
  const { record, spec } = owned;
  const { info, clockOffsetMs, aheadMs } = await introduce(agent, target);
  const [capabilities, stats] = await Promise.all([agent.capabilities(), runtime.stats(record.name)]);
  const model = agent.pairs.modelOf(target);
  const question: ModeQuestion = {
    requested: request.mode ?? spec.policy.mode,
    spec,
    source: { node: config.node, features: capabilities.features },
    target: { node: target, features: info.capabilities.features },
    memoryBytes: stats.memoryBytes,
    maxExposureMs: maxExposureMs(request, spec.policy),
    fixedMs: model.fixedMs,
    linkBytesPerSecond: Math.min(model.linkBytesPerSecond, request.bandwidthBytesPerSecond ?? Infinity),
    lastShare: model.lastShare,
  };
  const choice = chooseMode(question);
  const goal = goalOf(choice.mode, request, spec.policy);
  // What a move that does not converge is to become has to be possible before it begins.
  if (goal.onNonconverge === 'postcopy' && hasRounds(choice.mode))
    chooseMode({ ...question, requested: 'hybrid' });
  const facts = await collectSourceFacts({
    node: config.node,
    mode: choice.mode,
    spec,
    capabilities,
    runtime,
    runner: agent.runner,
    stateDir: config.stateDir,
    runDir: config.runDir,
    neighbours: agent.containers.list().map(({ spec: other }) => other),
    clock,
    peer: { host: info.address, port: info.dataPort },
    targetAheadMs: aheadMs,
    dumpsOtherUsers: () => agent.criu.dumpsOtherUsers(config.runDir),
  });
  const own = sourceRefusals(facts);
  const onlyLook = request.dryRun || standing(own, request.unsafe).length > 0;
  if (!onlyLook) await agent.faults.at('source.prepare', job);
  const reply = await askTarget(agent, info, {
    type: 'io.godwit.v1.node.prepare.request',
    job,
    container: record.name,
    uuid: record.uuid,
    source: config.node,
    sourceCapabilities: capabilities,
    mode: choice.mode,
    epoch: record.epoch,
    revision: owned.revision,
    spec: record.spec,
    memoryBytes: stats.memoryBytes,
    nowMs: clock.nowMs(),
    cpuFlags: facts.cpuFlags,
    ...(facts.rootfs ? { rootfs: facts.rootfs } : {}),
    copiedBytes: facts.copied.map(({ bytes = 0 }) => bytes),
    sharedInodes: facts.sharedInodes,
    lower: facts.lower,
    limitFiles: facts.limitFiles,
    pages: { host: config.address, port: agent.data.port, token: pagesToken },
    dryRun: onlyLook,
    auctioned: request.target === undefined,
    unsafe: request.unsafe,
    timeoutMs: request.timeoutMs,
  });
  const plan: Plan = {
    job,
    owned,
    request,
    target,
    mode: choice.mode,
    modeReason: choice.reason,
    memoryBytes: stats.memoryBytes,
    rootfsBytes: facts.copied.reduce(
      (sum, { bytes = 0 }, at) => sum + (reply.data?.bases?.[at] ? 0 : bytes),
      0,
    ),
    model,
    goal,
    targetCapabilities: info.capabilities,
    pagesToken,
    clockOffsetMs,
  };
  const refusals = [...own, ...reply.refusals].slice(0, LIMITS.refusals);
  return { plan, choice, refusals, source: capabilities, ...(reply.data ? { peer: reply.data } : {}) };
}

/** The refusal as one error, with every reason in its details. */
export function refusedError(offer: Offer): GodwitError {
  const { plan, refusals } = offer;
  const reasons = standing(refusals, plan.request.unsafe);
  const problem = reasons.map((reason) => `${reason.node}: ${reason.message}`).join('; ');
  const { name } = plan.owned.record;
  return new GodwitError('PREFLIGHT_REFUSED', {
    container: name,
    target: plan.target,
    problem,
    refusals: reasons,
  });
}

/**
 * Learns what the target is, how far its clock is from ours (half the round trip is the error), and by how much it is
 * ahead at least, however long the answer took. An agent that has just started asks again while nobody of that name is heard.
 */
async function introduce(agent: Agent, target: string) {
  const { bus, clock, startedAtMs } = agent;
  const subject = agent.subjects.node(target, 'info');
  for (;;) {
    const sentMs = clock.nowMs();
    try {
      const body = await bus.request(subject, { type: 'io.godwit.v1.node.info.request' });
      const receivedMs = clock.nowMs();
      const info = decode(NodeInfo, subject, body);
      return {
        info,
        clockOffsetMs: (sentMs + receivedMs) / 2 - info.nowMs,
        aheadMs: info.nowMs - receivedMs,
      };
    } catch (error) {
      const isAbsent = error instanceof GodwitError && error.code === 'NODE_NOT_FOUND';
      if (!isAbsent || Math.abs(sentMs - startedAtMs) > ROUTES_MS) throw error;
      await clock.sleep(AGAIN_MS);
    }
  }
}

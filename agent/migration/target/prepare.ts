import { parseDomain } from '../../../protocol/domain/mod.ts';
import {
  type DomainSpec,
  GodwitError,
  LIMITS,
  type PrepareReply,
  type PrepareRequest,
  pagesFollowIn,
  type Refusal,
} from '../../../protocol/mod.ts';
import { memoryAvailableBytes } from '../../host/kernel.ts';
import { refuse, standing } from '../../preflight/catalogue.ts';
import { collectTargetFacts } from '../../preflight/collect-target.ts';
import { targetRefusals } from '../../preflight/target.ts';
import { withArrivals } from '../../preflight/users.ts';
import type { Agent } from '../agent.ts';
import { assertNothingLeft } from './left.ts';
import { TargetMove } from './move.ts';
import { partsOf } from './parts.ts';

/**
 * The target's answer to `prepare`: all its reasons against the move, or a reservation with a one-time token. A dry run
 * only looks.
 * @throws GodwitError XML_REFUSED, HOST_FAILED, RUNTIME_FAILED, RESTORE_FAILED, and MOVE_ABORTED while an earlier answer is being undone
 */
export async function prepareArrival(
  agent: Agent,
  request: PrepareRequest,
): Promise<Omit<PrepareReply, 'type'>> {
  const { config, clock, random, arriving, faults, bidding } = agent;
  if (!request.dryRun) {
    await faults.at('target.prepare', request.job);
    assertNothingLeft(agent, request.job);
  }
  const spec = parseDomain(request.spec, { file: `record of ${request.container}` });
  if (spec.name !== request.container)
    throw new GodwitError('MESSAGE_INVALID', {
      subject: 'prepare',
      problem: `the XML describes '${spec.name}'`,
    });
  const capabilities = await agent.capabilities();
  const facts = await collectTargetFacts(
    { ...request, spec },
    {
      node: config.node,
      state: agent.node.state,
      capabilities,
      jobs: jobLoad(agent, request.container),
      memoryAvailableBytes: (await memoryAvailableBytes()) - bidding.promisedBytes(request.job),
      runDir: config.runDir,
      stateDir: config.stateDir,
      neighbours: agent.containers.list().map((owned) => owned.spec),
      runtime: agent.runtime,
      ours: (name) => agent.containers.has(name),
      containers: agent.containers.list().map((owned) => ({
        name: owned.record.name,
        addresses: owned.spec.interfaces.flatMap((nic) => nic.addresses.map((one) => one.address)),
        macs: owned.spec.interfaces.map((nic) => nic.mac),
      })),
      runner: agent.runner,
      clock,
    },
  );
  // From here on nothing is waited for until this move is among those that arrive: two at the same time see each other.
  const others = [...arriving.values()]
    .filter((move) => move.container !== spec.name)
    .map((move) => move.spec);
  const places = withArrivals(facts.places, spec, others);
  const refusals = [
    ...targetRefusals({ ...request, spec }, { ...facts, places }),
    ...(request.auctioned ? groupRefusals(agent, spec, others) : []),
  ];
  const answer = { job: request.job, node: config.node, capabilities, refusals, nowMs: clock.nowMs() };
  if (request.dryRun || standing(refusals, request.unsafe).length > 0) return answer;

  assertNothingLeft(agent, request.job);
  const token = random.token();
  const { job, container, source, epoch, revision, mode } = request;
  const arrival = {
    move: { job, container, source, target: config.node, epoch, revision, pagesFollow: pagesFollowIn(mode) },
    mode,
    spec,
    token,
    memoryBytes: request.memoryBytes,
    pages: { ...request.pages, encrypt: config.dataEncrypt },
    deadlineMs: request.timeoutMs + LIMITS.moveGraceMs,
  };
  const move = new TargetMove(agent, partsOf(agent, arrival, request.spec));
  arriving.set(job, move);
  bidding.prepared(job);
  void move.ended.then(({ outcome }) => {
    arriving.delete(job);
    bidding.ended(job, outcome === 'done');
    agent.sweep();
  });
  let bases: readonly boolean[] = [];
  try {
    await faults.at('target.reserve', job);
    ({ bases } = await move.reserve());
    await faults.at('target.reserved', job);
  } catch (error) {
    arriving.delete(job);
    bidding.ended(job, false);
    throw error;
  }
  move.start();
  return { ...answer, data: { host: config.address, port: agent.data.port, token, bases: [...bases] } };
}

/** Sources that place members of one group at the same time have all been told that none is here. */
function groupRefusals(
  { config, containers }: Agent,
  { name, policy }: DomainSpec,
  arriving: readonly DomainSpec[],
): Refusal[] {
  const { group, apart } = policy.placement ?? {};
  if (group === undefined || apart !== 'require') return [];
  const here = containers.list().flatMap(({ record, spec }) => (record.name === name ? [] : spec));
  const members = [...here, ...arriving].filter((spec) => spec.policy.placement?.group === group).length;
  return members === 0 ? [] : [refuse('GROUP_APART', config.node, `${members} of group ${group}`)];
}

function jobLoad(agent: Agent, container: string) {
  const arrivals = [...agent.arriving];
  const same = arrivals.find(([, move]) => move.container === container);
  return {
    running: arrivals.length,
    limit: agent.config.movesInMax,
    ...(same ? { ofContainer: same[0] } : {}),
  };
}

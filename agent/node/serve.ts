import { ALL_VERBS, EXCHANGES, NODE_VERBS } from '../../protocol/mod.ts';
import type { Stoppable } from '../bus/bus.ts';
import { storeVerbs } from '../checkpoint/serve.ts';
import { listenToAwards, serveAuctions } from '../cluster/auction/bidding.ts';
import { planBalance } from '../cluster/balance/plan.ts';
import { evacuateNode } from '../cluster/evacuate/begin.ts';
import { listenToHealth } from '../cluster/evacuate/health.ts';
import { adoptContainer, defineContainer } from '../containers/define.ts';
import type { Agent } from '../migration/agent.ts';
import { arrivalOf } from '../migration/target/arrivals.ts';
import { prepareArrival } from '../migration/target/prepare.ts';
import { prepareOnce } from '../migration/target/prepare-once.ts';
import { reconcileLate } from '../recovery/reconcile-all.ts';
import { runNodeDoctor } from './doctor.ts';
import { type Handlers, serveVerbs } from './endpoints.ts';
import { nodeInfo } from './info.ts';

/** Answers what is asked of this node, and what is asked of all. */
export async function serveNode(agent: Agent): Promise<Stoppable[]> {
  const { bus, subjects, config, jobs } = agent;
  const listJobs = async () => ({ node: config.node, jobs: jobs.list() });
  const become = async (state: 'up' | 'cordoned') => {
    agent.node.state = state;
    return nodeInfo(agent);
  };
  const node: Required<Handlers<typeof EXCHANGES.node>> = {
    info: () => nodeInfo(agent),
    bid: (request) => agent.bidding.answer(request),
    jobs: listJobs,
    prepare: prepareOnce(
      (job) => agent.arriving.get(job)?.ended,
      (request) => prepareArrival(agent, request),
    ),
    switch: async ({ job, mode, rounds }) => {
      await arrivalOf(agent, job).switch(mode, rounds);
      return {};
    },
    commit: async ({ job, container, epoch }) => {
      if (!agent.arriving.has(job)) await reconcileLate(agent, container, job);
      arrivalOf(agent, job).commit(epoch);
      return {};
    },
    abort: async ({ job, reason }) => {
      const error = await agent.arriving.get(job)?.abort(reason);
      return error ? { error } : {};
    },
    define: (request) => {
      const here = { ...agent, node: config.node };
      return request.fromLxc === undefined
        ? defineContainer(here, request)
        : adoptContainer(here, request.fromLxc);
    },
    doctor: async () => ({ node: config.node, checks: await runNodeDoctor(agent) }),
    cordon: () => become('cordoned'),
    evacuate: (request) => evacuateNode(agent, request),
    balance: (request) => planBalance(agent, request),
    uncordon: () => become('up'),
    ...storeVerbs(agent),
  };
  const all: Required<Handlers<typeof EXCHANGES.all>> = { info: () => nodeInfo(agent), jobs: listJobs };
  return Promise.all([
    serveAuctions(agent),
    listenToAwards(agent),
    listenToHealth(agent),
    ...NODE_VERBS.map((verb) => serveVerbs(bus, subjects.node(config.node, verb), EXCHANGES.node, node)),
    ...ALL_VERBS.map((verb) => serveVerbs(bus, subjects.all(verb), EXCHANGES.all, all)),
  ]);
}

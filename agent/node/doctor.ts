import type { DoctorCheck } from '../../protocol/mod.ts';
import type { Check } from '../doctor/check.ts';
import { runDoctor } from '../doctor/mod.ts';
import type { Agent } from '../migration/agent.ts';

/** Examines this node: the host, the tools, two real trials, and what only the agent can see. */
export function runNodeDoctor(agent: Agent): Promise<DoctorCheck[]> {
  const { runner, clock, criu, config } = agent;
  return runDoctor({
    runner,
    clock,
    criu,
    runDir: config.runDir,
    extra: [recordCheck(agent), dataPortCheck(agent)],
  });
}

function recordCheck({ bus, notes }: Agent): Check {
  return {
    name: 'records',
    look: async () => {
      const count = (await bus.records.list()).length;
      const message = [`${count} container records can be read`, ...notes].join('; ');
      return notes.length === 0
        ? { status: 'ok', message }
        : { status: 'warning', message, hint: 'Three hosts in `join` keep the records in three places.' };
    },
  };
}

function dataPortCheck({ data, config }: Agent): Check {
  return {
    name: 'data port',
    look: () => ({ status: 'ok', message: `listens on ${config.address}:${data.port}` }),
  };
}

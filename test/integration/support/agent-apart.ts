// An agent over fake programs as a process of its own: DIR CONFIG. Says `ready` when it answers.
import { pino } from 'pino';
import { startAgent } from '../../../agent/agent.ts';
import type { AgentConfig } from '../../../agent/config/config.ts';
import { createRunner } from '../../../agent/effects/system-runner.ts';
import { createFaults } from '../../../agent/faults/faults.ts';
import { FAULT_VARIABLE, parseFaults } from '../../../agent/faults/parse.ts';
import { fakeTools } from './fake-tools.ts';

const [dir = '', text = ''] = process.argv.slice(2);
const config: AgentConfig = JSON.parse(text);
const log = pino(
  { level: process.env.GODWIT_TEST_LOG ?? 'silent', base: { node: config.node } },
  pino.destination(2),
);
const { runDir, dataPort } = config;
const options = { runner: createRunner(), log, runDir, dataPort, busPorts: [] };
const faults = createFaults(parseFaults(process.env[FAULT_VARIABLE]), options);
const agent = await startAgent(config, '0.0.0', log, fakeTools(config, dir, faults));
process.on('SIGTERM', () => void agent.stop().then(() => process.exit(0)));
process.stdout.write('ready\n');

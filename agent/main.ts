#!/usr/bin/env -S node --max-semi-space-size=1 --optimize-for-size --v8-pool-size=1
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { toGodwitError } from '../protocol/mod.ts';
import { startAgent, systemTools } from './agent.ts';
import { loadConfig } from './config/config.ts';
import { FAULT_VARIABLE, parseFaults } from './faults/parse.ts';

const DEFAULT_CONFIG = '/etc/godwit/agent.toml';
const USAGE = `usage: godwit-agent [--config FILE] [--check-config] [--version]

The agent of one node. Settings come from ${DEFAULT_CONFIG} unless --config names
another file; every one has a default (see deploy/agent.toml). Logs go to stdout as JSON.`;

await main().catch((error: unknown) => {
  const { message, hint, exitCode } = toGodwitError(error);
  process.stderr.write(`godwit-agent: ${message}\n${hint ? `hint: ${hint}\n` : ''}`);
  process.exit(exitCode);
});

async function main(): Promise<void> {
  const options = readArguments();
  if (options.help) return void process.stdout.write(`${USAGE}\n`);
  const version = ownVersion();
  if (options.version) return void process.stdout.write(`godwit-agent ${version}\n`);
  const config = loadConfig(options.config ?? DEFAULT_CONFIG, { mustExist: options.config !== undefined });
  const faults = parseFaults(process.env[FAULT_VARIABLE]);
  if (options['check-config']) return void process.stdout.write(`${JSON.stringify(config, null, 2)}\n`);

  // What an agent says just before it is made to die has to be written.
  const output = pino.destination({ fd: 1, sync: faults.length > 0 });
  const log = pino({ level: config.logLevel, base: { node: config.node } }, output);
  const agent = await startAgent(config, version, log, systemTools(config, log, faults));
  let stopping = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      log.info({ signal }, 'stopping; containers run on');
      agent.stop().then(
        () => process.exit(0),
        (error: unknown) => {
          log.error({ err: error }, 'could not stop cleanly');
          process.exit(1);
        },
      );
    });
  }
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        config: { type: 'string' },
        'check-config': { type: 'boolean' },
        version: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    process.stderr.write(`godwit-agent: ${(error as Error).message}\n${USAGE}\n`);
    process.exit(2);
  }
}

/** package.json lies two levels up from dist/agent, one from agent. */
function ownVersion(): string {
  for (const up of ['../package.json', '../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8'));
      if (name === 'godwit') return version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return '0.0.0';
}

/**
 * redis-check --host H [--port 6379] [--megabytes 250] …: a client for moves. Prints NDJSON (`loaded`, `gap`, `verifying`,
 * `verdict`), ends on SIGTERM, SIGINT, a closed stdin (unless --no-stdin) or after --seconds; exit code 0 when all was right.
 */
import { parseArgs } from 'node:util';
import { checkRedis } from './check.ts';

const { values } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '6379' },
    megabytes: { type: 'string', default: '250' },
    'value-bytes': { type: 'string', default: '1024' },
    seed: { type: 'string', default: '1' },
    rate: { type: 'string', default: '1000' },
    'note-gap-ms': { type: 'string', default: '50' },
    'stall-ms': { type: 'string', default: '60000' },
    seconds: { type: 'string' },
    'no-stdin': { type: 'boolean', default: false },
  },
});

const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
if (!values['no-stdin']) process.stdin.resume().once('close', () => stop.abort());
if (values.seconds !== undefined) setTimeout(() => stop.abort(), Number(values.seconds) * 1000).unref();

const note = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
const verdict = await checkRedis(
  {
    host: values.host,
    port: Number(values.port),
    megabytes: Number(values.megabytes),
    valueBytes: Number(values['value-bytes']),
    seed: Number(values.seed),
    rate: Number(values.rate),
    noteGapMs: Number(values['note-gap-ms']),
    stallMs: Number(values['stall-ms']),
  },
  stop.signal,
  note,
);
note(verdict);
process.exitCode = verdict.ok ? 0 : 1;
process.stdin.destroy();

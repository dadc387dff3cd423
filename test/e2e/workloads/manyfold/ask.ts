/**
 * ask --host H --port P: one connection to manyfold.py. Each line on stdin asks for a check and prints its report as one
 * JSON line; the end of stdin ends it. Exit code 1 when a report was not ok or the connection was lost.
 */
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { ManyfoldClient } from './client.ts';

const { values } = parseArgs({
  options: { host: { type: 'string', default: '127.0.0.1' }, port: { type: 'string', default: '7070' } },
});

const client = await ManyfoldClient.open(values.host, Number(values.port));
for await (const _line of createInterface({ input: process.stdin })) {
  const report = await client.check();
  process.stdout.write(`${JSON.stringify(report)}\n`);
  if (!report.ok) process.exitCode = 1;
}
client.close();

/**
 * The lease service: listens for renewals (lease.py) on a UDP port and prints what it notices as NDJSON: `listening`, `gap`,
 * `violation`. A line on stdin asks: `get LEASE` prints a `lease`, `forget LEASE` prints `forgotten`.
 */
import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { Leases } from './leases.ts';

const { values } = parseArgs({
  options: { port: { type: 'string' }, 'note-gap-ms': { type: 'string', default: '200' } },
});
const leases = new Leases(Number(values['note-gap-ms']));
const print = (note: object) => process.stdout.write(`${JSON.stringify(note)}\n`);

const socket = createSocket('udp4');
socket.on('message', (message) => {
  const [lease = '', holder = '', count = ''] = message.toString('latin1').split(' ');
  const { violation, gap } = leases.renew(lease, holder, Number(count), Date.now());
  if (violation) print({ type: 'violation', ...violation });
  if (gap) print({ type: 'gap', ...gap });
});
socket.bind(Number(values.port), () => print({ type: 'listening' }));

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [word, lease = ''] = line.split(' ');
    if (word === 'forget') leases.forget(lease);
    print({ type: word === 'forget' ? 'forgotten' : 'lease', ...leases.get(lease) });
  })
  .on('close', () => process.exit(0));

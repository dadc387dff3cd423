/**
 * pings HOST [CONNECTIONS]: opens connections to a Redis and sends a command on one after the other, every 10 ms, but never a second one
 * before the reply to the first: whenever the server stands still, some command is sent meanwhile on a connection with nothing under
 * way. Prints `ready`; on SIGTERM it sends nothing more, prints how many milliseconds the slowest reply took once all are here, and
 * keeps its connections until its stdin ends.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const EVERY_MS = 10;
const [host = '', count = '200'] = process.argv.slice(2);
const sentAt = new Map<Socket, number>();
const idle: Socket[] = [];
let slowestMs = 0;

for (let number = 0; number < Number(count); number++) {
  const socket = connect({ host, port: 6379, noDelay: true });
  await once(socket, 'connect');
  socket.on('data', () => {
    slowestMs = Math.max(slowestMs, performance.now() - (sentAt.get(socket) ?? Number.NaN));
    sentAt.delete(socket);
    idle.push(socket);
  });
  idle.push(socket);
}
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
process.stdout.write('ready\n');
while (!stop.signal.aborted) {
  const socket = idle.shift();
  if (socket) {
    sentAt.set(socket, performance.now());
    socket.write('PING\r\n');
  }
  await sleep(EVERY_MS, undefined, { signal: stop.signal }).catch(() => {});
}
while (sentAt.size > 0) await sleep(EVERY_MS);
process.stdout.write(`${Math.round(slowestMs)}\n`);
await once(process.stdin.resume(), 'close');
process.exit();

/**
 * keep-alive HOST [MS]: asks a web server every MS (100) milliseconds over one connection that is never made anew; prints `PORT COUNT` for each good
 * reply, and ends when one is not.
 */
import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE_MS = 120_000;
const [host = '', everyMs = '100'] = process.argv.slice(2);
// TCP's own probes would begin after 1 s, one each second, and ten without an answer end the connection: a standstill is no end.
const agent = new Agent({ keepAlive: true, keepAliveMsecs: 600_000, maxSockets: 1 });
let port: number | undefined;

for (let count = 1; ; count += 1) {
  const request = get({ host, agent, timeout: PATIENCE_MS });
  request.once('timeout', () => request.destroy(new Error('no reply')));
  const [reply] = (await once(request, 'response')) as [IncomingMessage];
  const used = reply.socket.localPort;
  const body = await text(reply);
  port ??= used;
  if (reply.statusCode !== 200 || !body.includes('nginx') || used !== port) {
    console.error(`reply ${count}: ${reply.statusCode} ${body.slice(0, 80)}, from port ${used}, not ${port}`);
    process.exit(1);
  }
  console.log(port, count);
  await sleep(Number(everyMs));
}

import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { readMessages, writeMessage } from './lines.ts';
import { PAGER_FILES, type PagerConfig, PagerRequest, type PagerStatus } from './messages.ts';
import { Pager, type PagerTools } from './pager.ts';

/** Serves agents, one after the other or several at once, until one of them says stop. */
export async function runPager(config: PagerConfig, tools: PagerTools): Promise<void> {
  const clients = new Set<Socket>();
  const tell = (status: PagerStatus): void => {
    for (const client of clients) writeMessage(client, status);
  };
  const pager = new Pager(config, tools, tell);
  const server = createServer();
  const over = new Promise<void>((resolve, reject) => {
    server.on('connection', (socket) => {
      clients.add(socket);
      socket.on('error', () => {}).once('close', () => clients.delete(socket));
      readMessages(socket, PagerRequest, (request) => {
        if (request.do === 'stop') resolve(pager.stop());
        else if (request.do === 'gone') pager.gone();
        else if (request.do === 'guard') pager.guard(request.cgroup);
        else void pager.begin(request.images);
      });
      writeMessage(socket, pager.status);
    });
    server.on('error', reject);
  });
  listen(server, join(config.dir, PAGER_FILES.socket));
  await pager.prepare();
  await over;
  for (const client of clients) client.destroy();
  server.close();
}

/** A socket that an earlier pager left would be in the way. */
function listen(server: Server, path: string): void {
  rmSync(path, { force: true });
  server.listen(path);
}

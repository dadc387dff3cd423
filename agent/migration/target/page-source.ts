import { pageServerHeaderBytes } from '../../preflight/versions.ts';
import { openStream } from '../../transfer/mod.ts';
import { openPageServer } from '../../transfer/pages/mod.ts';
import type { Agent } from '../agent.ts';
import type { MemoryRequest } from './memory.ts';

/** Where criu's lazy-pages daemon has its pages from. */
export interface PageSource {
  /** Of loopback; speaks criu's page-server protocol. */
  readonly port: number;
  /** The final images are complete in this directory. @throws GodwitError TRANSFER_FAILED */
  begin(imageDir: string): Promise<void>;
  /** Every page is on this node, though not yet in its task. */
  readonly received: Promise<void>;
  close(): Promise<void>;
}

/** Our own page server, which knows the rounds and asks the source for the rest. @throws GodwitError TRANSFER_FAILED */
export async function openPageSource(agent: Agent, request: MemoryRequest): Promise<PageSource> {
  const { rounds, signal, broken, job, pages } = request;
  const { clock, log } = agent;
  let dials = 0;
  const { criu } = await agent.capabilities();
  const server = await openPageServer({
    wire: pageServerHeaderBytes(criu),
    rounds,
    upstream: (stop) =>
      openStream({ peer: pages, id: { job, kind: 'lazy', index: dials++ }, clock, signal: stop }),
    clock,
    signal,
    log,
    beforeClose: broken,
  });
  server.done.then(
    (progress) => log.info({ job, progress }, 'the lazy-pages daemon has said goodbye'),
    () => {},
  );
  const received = server.received.then((arrived) =>
    log.info({ job, pages: arrived }, 'every page is on this node'),
  );
  received.catch(() => {});
  return {
    port: server.port,
    received,
    begin: async (imageDir) => {
      log.info(
        { job, pages: await server.begin(imageDir) },
        'the container can start before its memory is there',
      );
    },
    close: () => server.close(),
  };
}

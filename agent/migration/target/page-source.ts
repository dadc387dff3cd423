import { pageServerHeaderBytes } from '../../preflight/versions.ts';
import { relayListen } from '../../transfer/mod.ts';
import { openPageServer } from '../../transfer/pages/mod.ts';
import type { Agent } from '../agent.ts';
import type { MemoryRequest } from './memory.ts';
import { plainMeter } from './page-stream.ts';

/** Where criu's lazy-pages daemon has its pages from. */
export interface PageSource {
  /** Of loopback; speaks criu's page-server protocol. */
  readonly port: number;
  /** The final images are complete in this directory. @throws GodwitError TRANSFER_FAILED */
  begin(imageDir: string): Promise<void>;
  /** Every page is on this node, though not yet in its task; never, when only the daemon itself can tell. */
  readonly received: Promise<void>;
  close(): Promise<void>;
}

/** The source's criu itself, through the data port, or in between our own page server that knows the rounds. @throws GodwitError TRANSFER_FAILED */
export function openPageSource(agent: Agent, request: MemoryRequest): Promise<PageSource> {
  return request.rounds.length > 0 ? fromRounds(agent, request) : fromSource(agent, request);
}

async function fromSource(agent: Agent, request: MemoryRequest): Promise<PageSource> {
  const { signal, broken } = request;
  const { port } = await relayListen({
    open: () => lazyStream(agent, request),
    meter: plainMeter(agent),
    signal,
    clock: agent.clock,
    beforeClose: broken,
  });
  return { port, begin: async () => {}, received: new Promise(() => {}), close: async () => {} };
}

async function fromRounds(agent: Agent, request: MemoryRequest): Promise<PageSource> {
  const { rounds, signal, broken, job } = request;
  const { criu } = await agent.capabilities();
  const server = await openPageServer({
    wire: pageServerHeaderBytes(criu),
    rounds,
    upstream: () => lazyStream(agent, request),
    clock: agent.clock,
    signal,
    log: agent.log,
    beforeClose: broken,
  });
  server.done.catch(() => {});
  const received = server.received.then((pages) =>
    agent.log.info({ job, pages }, 'every page is on this node'),
  );
  received.catch(() => {});
  return {
    port: server.port,
    received,
    begin: async (imageDir) => {
      agent.log.info(
        { job, pages: await server.begin(imageDir) },
        'the container can start before its memory is there',
      );
    },
    close: () => server.close(),
  };
}

function lazyStream(agent: Agent, { job, signal }: MemoryRequest) {
  return agent.data.accept({ job, kind: 'lazy', index: 0 }, signal);
}

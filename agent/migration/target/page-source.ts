import { relayListen } from '../../transfer/mod.ts';
import type { Agent } from '../agent.ts';
import type { MemoryRequest } from './memory.ts';
import { plainMeter } from './page-stream.ts';

/** Where criu's lazy-pages daemon has its pages from. */
export interface PageSource {
  /** Of loopback; speaks criu's page-server protocol. */
  readonly port: number;
  /** The final images are complete in this directory. @throws GodwitError RESTORE_FAILED */
  begin(imageDir: string): Promise<void>;
  /** Every page is on this node, though not yet in its task; never, when only the daemon itself can tell. */
  readonly received: Promise<void>;
  close(): Promise<void>;
}

/** @throws GodwitError TRANSFER_FAILED */
export async function openPageSource(agent: Agent, request: MemoryRequest): Promise<PageSource> {
  const { job, signal, broken } = request;
  const relay = await relayListen({
    open: () => agent.data.accept({ job, kind: 'lazy', index: 0 }, signal),
    meter: plainMeter(agent),
    signal,
    clock: agent.clock,
    beforeClose: broken,
  });
  return {
    port: relay.port,
    begin: async () => {},
    received: new Promise(() => {}),
    close: async () => {},
  };
}

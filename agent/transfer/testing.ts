import { setMaxListeners } from 'node:events';
import type { Readable } from 'node:stream';
import { systemClock } from '../effects/system-clock.ts';
import { openDataPort } from './data-port.ts';
import type { TransferLog } from './failure.ts';
import type { DataPort, DataStream, StreamId } from './stream.ts';

/** Fixtures of the transfer tests: two data ports on loopback and streams between them. */
export interface Ports {
  readonly source: DataPort;
  readonly target: DataPort;
  close(): Promise<void>;
}

export const TOKEN = 'f00d'.repeat(16);
export const NEVER: AbortSignal = new AbortController().signal;
setMaxListeners(0, NEVER);

export const silentLog: TransferLog = { debug: () => {}, warn: () => {} };

export function openPort(port = 0): Promise<DataPort> {
  return openDataPort({ host: '127.0.0.1', port, clock: systemClock, log: silentLog });
}

export async function openPorts(): Promise<Ports> {
  const [source, target] = await Promise.all([openPort(), openPort()]);
  const close = async (): Promise<void> => {
    await Promise.all([source.close(), target.close()]);
  };
  return { source, target, close };
}

let jobs = 0;

/** A fresh job permitted at `target`, with one stream open from `source`. */
export async function openPair(
  { source, target }: Ports,
  kind: StreamId['kind'] = 'pages',
): Promise<{ readonly near: DataStream; readonly far: DataStream; readonly id: StreamId }> {
  jobs += 1;
  const id = { job: `job-${jobs}`, kind, index: 0 };
  target.permit(id.job, TOKEN);
  const near = await source.open({ host: '127.0.0.1', port: target.port, token: TOKEN }, id, NEVER);
  const far = await target.accept(id, NEVER);
  return { near, far, id };
}

/** All bytes until the end; rejects when the stream breaks. Unlike `for await` it leaves the other direction alone. */
export function readAll(stream: Readable): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => resolve(Buffer.concat(chunks)));
    stream.on('error', reject);
    stream.on('close', () => reject(new Error('closed before the end')));
  });
}

import { rm } from 'node:fs/promises';
import type { Clock } from '../effects/clock.ts';
import type { Runner, RunningProcess } from '../effects/runner.ts';
import type { BusLog } from './options.ts';
import { clientHost, type ServerConfig, serverFiles } from './server-config.ts';
import { failed, greets, logTail } from './server-process.ts';

const READY_MS = 10_000;
const LOOK_MS = { first: 10, most: 200 };
const RESTART_MS = { first: 100, most: 10_000 };
/** A server that ran this long was healthy: its next end is a new story. */
const HEALTHY_MS = 60_000;
const STOP_MS = 5_000;

/** What the supervisor needs. */
export interface SupervisorOptions {
  readonly runner: Runner;
  readonly clock: Clock;
  readonly log: BusLog;
  readonly binary: string;
  /** A server that runs already, as it is to run. */
  readonly orphan?: RunningProcess | undefined;
}

/** A server that is kept running. */
export interface Supervisor {
  /** Settles with the first start. @throws GodwitError HOST_FAILED with what the server said */
  readonly ready: Promise<void>;
  stop(): Promise<void>;
}

/** Runs the server again and again until `stop`. */
export function supervise(config: ServerConfig, options: SupervisorOptions): Supervisor {
  const { clock, log } = options;
  const stopping = new AbortController();
  const start = () =>
    options.runner.start({
      file: options.binary,
      args: ['-c', serverFiles(config.dir).config],
      deadlineMs: Number.POSITIVE_INFINITY,
      detached: true,
    });
  const first = options.orphan ?? start();
  let running = first;
  const keep = async () => {
    let pauseMs = RESTART_MS.first;
    for (;;) {
      const result = await running.ended;
      if (stopping.signal.aborted) return;
      const why = (await logTail(config.dir)) || result.stderr.trim();
      log.error({ exitCode: result.exitCode, signal: result.signal, why, pauseMs }, 'nats-server ended');
      pauseMs = result.durationMs > HEALTHY_MS ? RESTART_MS.first : Math.min(pauseMs * 2, RESTART_MS.most);
      await clock.sleep(pauseMs, stopping.signal).catch(() => undefined);
      if (stopping.signal.aborted) return;
      running = start();
    }
  };
  const kept = keep();
  return {
    ready: awaitReady(config, first, options),
    stop: async () => {
      stopping.abort();
      running.kill('SIGTERM');
      const cancel = clock.after(STOP_MS, () => running.kill('SIGKILL'));
      await kept;
      cancel();
      await rm(serverFiles(config.dir).pid, { force: true });
    },
  };
}

async function awaitReady(
  config: ServerConfig,
  child: RunningProcess,
  { clock }: SupervisorOptions,
): Promise<void> {
  let ended: string | undefined;
  void child.ended.then((result) => {
    ended = result.stderr.trim() || `it ended with ${result.exitCode ?? result.signal}`;
  });
  const untilMs = clock.monotonicMs() + READY_MS;
  const host = clientHost(config.listen);
  for (let waitMs = LOOK_MS.first; ; waitMs = Math.min(waitMs * 2, LOOK_MS.most)) {
    if (await greets(host, config.ports.client, 1_000)) return;
    if (ended !== undefined) throw failed((await logTail(config.dir)) || ended);
    if (clock.monotonicMs() > untilMs) throw failed(`it does not answer after ${READY_MS} ms`);
    await clock.sleep(waitMs);
  }
}

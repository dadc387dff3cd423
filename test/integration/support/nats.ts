import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What to start; everything has a default that suits a test of its own. */
export interface NatsOptions {
  /** False: core NATS only. */
  readonly jetstream?: boolean;
  /** 0 (the default): any free one. */
  readonly port?: number;
  /** More configuration text, in nats-server's own language. */
  readonly config?: string;
}

/** One real nats-server on loopback; `stop` (or `await using`) removes its store too. */
export interface NatsServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Ends it with `signal` and keeps its store, so that `start` brings back the same server on the same port. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

const START_MS = 10_000;

/** The binary under test: NATS_SERVER_BIN, else nats-server from PATH (Debian keeps it in /usr/sbin). */
export function natsServerBin(): string {
  return process.env.NATS_SERVER_BIN ?? 'nats-server';
}

/** The version of {@link natsServerBin} as `[major, minor]`. */
export function natsServerVersion(): [number, number] {
  const text = execFileSync(natsServerBin(), ['-v'], { encoding: 'utf8', env: env() });
  const found = /v(\d+)\.(\d+)/.exec(text);
  if (!found) throw new Error(`cannot read the version of nats-server from '${text.trim()}'`);
  return [Number(found[1]), Number(found[2])];
}

/** Starts a nats-server on loopback and resolves when it accepts clients. */
export async function startNats(options: NatsOptions = {}): Promise<NatsServer> {
  const dir = mkdtempSync(join(tmpdir(), 'godwit-nats-'));
  let child: ChildProcess | undefined;
  let port = options.port ?? 0;

  const start = async () => {
    const conf = join(dir, 'nats.conf');
    writeFileSync(conf, configText(dir, port === 0 ? -1 : port, options));
    rmSync(join(dir, 'log'), { force: true });
    child = spawn(natsServerBin(), ['-c', conf], { stdio: 'ignore', env: env() });
    port = await readyPort(dir, child);
  };
  const kill = async (signal: NodeJS.Signals = 'SIGTERM') => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  const stop = async () => {
    await kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  };

  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    get url() {
      return `nats://127.0.0.1:${port}`;
    },
    get port() {
      return port;
    },
    get pid() {
      return child?.pid ?? 0;
    },
    kill,
    start,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function configText(dir: string, port: number, options: NatsOptions): string {
  const lines = [
    `listen: "127.0.0.1:${port}"`,
    `ports_file_dir: "${dir}"`,
    `log_file: "${join(dir, 'log')}"`,
  ];
  if (options.jetstream !== false) lines.push(`jetstream { store_dir: "${dir}" }`);
  if (options.config) lines.push(options.config);
  return `${lines.join('\n')}\n`;
}

/** The server says its port in a file named after its pid, written when it is ready. */
async function readyPort(dir: string, child: ChildProcess): Promise<number> {
  const file = join(dir, `nats-server_${child.pid}.ports`);
  const done = new AbortController();
  const signal = AbortSignal.any([done.signal, AbortSignal.timeout(START_MS)]);
  return await new Promise<number>((resolve, reject) => {
    const settle = (act: () => void) => {
      watcher.close();
      done.abort();
      act();
    };
    const look = () => {
      const port = readPort(file);
      if (port !== undefined) settle(() => resolve(port));
    };
    const failed = (why: string) =>
      settle(() => reject(new Error(`nats-server ${why}:\n${readOr(join(dir, 'log'))}`)));
    const watcher = watch(dir, look);
    child.once('error', (error) => failed(`could not be started: ${error.message}`));
    child.once('exit', (code) => failed(`ended with ${code}`));
    signal.addEventListener('abort', () => !done.signal.aborted && failed(`was not ready in ${START_MS} ms`));
    look();
  });
}

function readPort(file: string): number | undefined {
  try {
    const ports = JSON.parse(readFileSync(file, 'utf8')) as { nats?: string[] };
    return ports.nats?.[0] ? Number(new URL(ports.nats[0]).port) : undefined;
  } catch {
    return undefined; // not there yet, or half written: the watcher calls again
  }
}

function readOr(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '(no log)';
  }
}

function env(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin` };
}

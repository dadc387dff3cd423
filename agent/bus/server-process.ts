import { readFile, readlink } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { GodwitError } from '../../protocol/mod.ts';
import type { Clock } from '../effects/clock.ts';
import type { Runner, RunningProcess, RunResult } from '../effects/runner.ts';
import { hasCode } from '../host/failure.ts';
import { type ServerVersion, serverFiles } from './server-config.ts';

const PROBE_MS = 5_000;
const END_MS = 5_000;
const LOOK_MS = 100;

/** The version of the nats-server binary. @throws GodwitError HOST_FAILED when there is none that works */
export async function probeServer(runner: Runner, binary: string): Promise<ServerVersion> {
  const result = await runner.run({ file: binary, args: ['-v'], deadlineMs: PROBE_MS });
  const found = /v(\d+)\.(\d+)\./.exec(result.stdout);
  if (result.exitCode === 0 && found) return [Number(found[1]), Number(found[2])];
  const problem =
    result.exitCode === 127
      ? `there is no ${binary}: install the package nats-server, or set bus.url to a NATS server that runs already`
      : `\`${binary} -v\` ended with ${result.exitCode}: ${result.stderr.trim()}`;
  throw failed(problem);
}

/** @throws GodwitError HOST_FAILED when another program listens on one of the ports */
export async function checkPorts(wanted: readonly (readonly [host: string, port: number])[]): Promise<void> {
  for (const [host, port] of wanted) {
    const code = await listenOnce(host, port);
    if (code === 'EADDRINUSE')
      throw failed(
        `port ${port} on ${host} is taken by another program: stop it, or set bus.url to use it if it is NATS`,
      );
    if (code === 'EADDRNOTAVAIL')
      throw failed(`this node has no address ${host}: correct it in the configuration`);
    if (code) throw failed(`port ${port} on ${host} cannot be used (${code})`);
  }
}

/** The server that a killed agent left running, if there is one. */
export async function findOrphan(dir: string, clock: Clock): Promise<RunningProcess | undefined> {
  const files = serverFiles(dir);
  const pid = Number.parseInt(await readFile(files.pid, 'utf8').catch(() => ''), 10);
  if (!(pid > 1) || !(await isServer(pid, files.config))) return undefined;
  return {
    pid,
    ended: awaitOrphan(pid, files.config, clock),
    kill: (signal) => {
      try {
        process.kill(pid, signal);
      } catch (error) {
        if (!hasCode(error, 'ESRCH')) throw error;
      }
    },
  };
}

/** Ends a server, so that its ports and its store are free. */
export async function endServer(server: RunningProcess, clock: Clock): Promise<void> {
  server.kill('SIGTERM');
  const cancel = clock.after(END_MS, () => server.kill('SIGKILL'));
  await server.ended;
  cancel();
}

/** Not our child: the kernel does not tell us when it ends. */
async function awaitOrphan(pid: number, config: string, clock: Clock): Promise<RunResult> {
  const adoptedAtMs = clock.monotonicMs();
  while (await isServer(pid, config)) await clock.sleep(LOOK_MS);
  return {
    exitCode: null,
    signal: null,
    stdout: '',
    stderr: '',
    timedOut: false,
    durationMs: clock.monotonicMs() - adoptedAtMs,
  };
}

/** True once a NATS server greets at `host:port`. */
export function greets(host: string, port: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('data', (data) => end(data.toString('latin1').startsWith('INFO ')));
    socket.once('timeout', () => end(false));
    socket.on('error', () => end(false));
    socket.once('close', () => end(false));
  });
}

/** The last lines of the server's log, for an error message. */
export async function logTail(dir: string): Promise<string> {
  const text = await readFile(serverFiles(dir).log, 'utf8').catch(() => '');
  const telling = text.split('\n').filter((line) => /\[(FTL|ERR)\]/.test(line));
  return telling
    .slice(-2)
    .map((line) => line.replace(/^\[\d+\] \S+ \S+ /, ''))
    .join('; ');
}

/** The one error of the embedded server. */
export function failed(problem: string): GodwitError {
  return new GodwitError('HOST_FAILED', { action: 'starting nats-server', problem });
}

function listenOnce(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
}

/** Process numbers are used again: only the server that runs with our configuration is ours. */
async function isServer(pid: number, config: string): Promise<boolean> {
  const args = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
  const program = await readlink(`/proc/${pid}/exe`).catch(() => '');
  return args.includes(config) && program.includes('nats-server');
}

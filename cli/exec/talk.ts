import { LIMITS } from '../../protocol/limits.ts';
import type { Session } from '../bus/session.ts';

/** Beyond what the agent itself waits for output, or takes to begin. */
const SLACK_MS = 10_000;
const SIGNALS = ['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;

/** The user's own terminal, or the pipes in its place. */
export interface Ends {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
  readonly errors: NodeJS.WriteStream;
}

/**
 * Runs a command in a container and passes on everything both ways: input as it is typed, the size of the terminal, signals,
 * output, and the exit code. @throws GodwitError CONTAINER_NOT_FOUND, CONTAINER_STATE, EXEC_FAILED, BUS_TIMEOUT
 */
export async function talk(
  bus: Session,
  name: string,
  {
    argv,
    terminal,
    term,
  }: { readonly argv: readonly string[]; readonly terminal: boolean; readonly term: string },
  { input, output, errors }: Ends,
): Promise<number> {
  const size = () => ({ columns: output.columns ?? 80, rows: output.rows ?? 24 });
  const wish = terminal ? { terminal: { ...size(), term } } : {};
  const wait = { timeoutMs: SLACK_MS };
  const { session } = await bus.request('container', name, 'exec-open', { argv: [...argv], ...wish }, wait);
  type Word = Parameters<typeof bus.request<'container', 'exec-write'>>[3];
  let sent: Promise<unknown> = Promise.resolve();
  /** One after the other, so that nothing overtakes what was typed before it; what comes too late says nothing. */
  const say = (word: Omit<Word, 'session'>) => {
    const next = () => bus.request('container', name, 'exec-write', { session, ...word }, wait);
    sent = sent.then(next).catch(() => {});
    return sent;
  };
  const onData = (chunk: Buffer) => {
    input.pause();
    let all: Promise<unknown> = Promise.resolve();
    for (let at = 0; at < chunk.length; at += LIMITS.execInputBytes)
      all = say({ data: chunk.subarray(at, at + LIMITS.execInputBytes).toString('base64') });
    void all.then(() => input.resume());
  };
  const onEnd = () => void say({ end: true });
  const onResize = () => void say({ size: size() });
  const raw = terminal && input.isTTY;
  const listeners = SIGNALS.map((signal) => [signal, () => void say({ signal })] as const);
  for (const [signal, pass] of listeners) process.on(signal, pass);
  input.on('data', onData).on('end', onEnd);
  if (terminal) output.on('resize', onResize);
  if (raw) input.setRawMode(true);
  try {
    for (;;) {
      const read = { timeoutMs: LIMITS.execReadMs + SLACK_MS };
      const { stdout, stderr, exitCode } = await bus.request(
        'container',
        name,
        'exec-read',
        { session },
        read,
      );
      await put(output, stdout);
      await put(errors, stderr);
      if (exitCode !== undefined) return Math.max(0, Math.min(255, exitCode));
    }
  } finally {
    if (raw) input.setRawMode(false);
    input.off('data', onData).off('end', onEnd).pause();
    input.unref?.();
    output.off('resize', onResize);
    for (const [signal, pass] of listeners) process.off(signal, pass);
  }
}

/** Waits where the reader is slow: then the command waits, too. */
async function put(stream: NodeJS.WriteStream, base64: string): Promise<void> {
  if (base64 === '') return;
  await new Promise<void>((resolve) => {
    stream.write(Buffer.from(base64, 'base64'), () => resolve());
  });
}

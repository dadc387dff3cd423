import { LIMITS } from '../../protocol/limits.ts';
import type { Session } from '../bus/session.ts';
import { impatiently, insist, onSignals, type Passed, SIGNALS } from './signals.ts';

/** So many of the same signal may be on their way, until one more ends this process. */
const PATIENCE = 2;
/** Beyond what the agent itself waits for output, or takes to begin. */
const SLACK_MS = 10_000;

/** The user's own terminal, or the pipes in its place. */
export interface Ends {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
  readonly errors: NodeJS.WriteStream;
}

/**
 * Runs a command in a container and passes on everything both ways: input as it is typed, the size of the terminal, signals,
 * output, and the exit code. A signal that comes early waits for the command; the same one again before that,
 * or once more while two are on their way, calls leave, which ends this process.
 * @throws GodwitError CONTAINER_NOT_FOUND, CONTAINER_STATE, EXEC_FAILED, BUS_TIMEOUT
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
  leave: (exitCode: number) => void,
): Promise<number> {
  const size = () => ({ columns: output.columns ?? 80, rows: output.rows ?? 24 });
  const wish = terminal ? { terminal: { ...size(), term } } : {};
  const wait = { timeoutMs: SLACK_MS };
  const early = new Set<Passed>();
  let pass = (signal: Passed): unknown =>
    early.has(signal) ? leave(128 + SIGNALS[signal]) : early.add(signal);
  const ignore = onSignals((signal) => void pass(signal));
  const open = bus.request('container', name, 'exec-open', { argv: [...argv], ...wish }, wait);
  const { session } = await open.catch((error: unknown) => {
    ignore();
    throw error;
  });
  type Word = Parameters<typeof bus.request<'container', 'exec-write'>>[3];
  let sent: Promise<unknown> = Promise.resolve();
  const write = (word: Omit<Word, 'session'>): Promise<unknown> =>
    bus.request('container', name, 'exec-write', { session, ...word }, wait);
  /** One after the other, so that nothing overtakes what was typed before it; what comes too late says nothing. */
  const say = (word: Omit<Word, 'session'>) => {
    sent = sent.then(() => write(word)).catch(() => {});
    return sent;
  };
  /** After what was typed before it, which does not wait for it in turn. */
  const signalled = (signal: Passed) =>
    sent.then(() =>
      insist(
        () => write({ signal }),
        () => over,
      ),
    );
  let over = false;
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
  pass = impatiently(PATIENCE, signalled, leave);
  for (const signal of early) pass(signal);
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
    over = true;
    ignore();
  }
}

/** Waits where the reader is slow: then the command waits, too. */
async function put(stream: NodeJS.WriteStream, base64: string): Promise<void> {
  if (base64 === '') return;
  await new Promise<void>((resolve) => {
    stream.write(Buffer.from(base64, 'base64'), () => resolve());
  });
}

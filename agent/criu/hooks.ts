import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assert, GodwitError } from '../../protocol/mod.ts';
import type { Clock } from '../effects/clock.ts';
import type { Runner } from '../effects/runner.ts';
import type { HookCall, HookChannel, HookOptions } from './criu.ts';
import { type Fifo, makeFifos, openFifo, readLines, removeAll } from './fifo.ts';
import { AGAIN, answerFifo, CALLS, FREEZE_FAILED, hookScript } from './hook-script.ts';

export type OpenHooksOptions = HookOptions & {
  readonly clock: Clock;
  readonly runner: Runner;
  /** Further FIFOs, relative to `dir`, which are made by the same process. */
  readonly beside?: readonly string[];
};

type Verdict = 'go' | 'stop';

/** What is known of one action. */
interface Action {
  call?: HookCall;
  failure?: GodwitError;
  verdict?: Verdict;
  readonly waiting: Set<() => void>;
  readonly answers?: Fifo;
}

/**
 * Writes the hook script of one criu run and opens the agent's end of its FIFOs. In a directory where hooks of an earlier
 * agent still wait, those report again and can be answered. The channel must stay open until criu has ended: criu takes a
 * missing script for a failure. @throws GodwitError HOST_FAILED when the FIFOs cannot be made
 */
export async function openHooks(options: OpenHooksOptions): Promise<HookChannel> {
  const { dir, held, told } = options;
  for (const action of [...held, ...told]) assert(/^[a-z-]+$/.test(action), `'${action}' is no hook action`);
  assert(!held.some((action) => told.includes(action)), 'a hook action is either held or told');

  await mkdir(dir, { recursive: true, mode: 0o700 });
  const fifos = [CALLS, ...held.map(answerFifo)];
  await makeFifos(options.runner, dir, [...fifos, ...(options.beside ?? [])]);
  const script = join(dir, 'hook');
  await writeFile(`${script}.new`, hookScript(options), { mode: 0o700 });
  await rename(`${script}.new`, script);
  return new Channel(options, script, fifos);
}

class Channel implements HookChannel {
  readonly script: string;
  private readonly options: OpenHooksOptions;
  private readonly files: readonly string[];
  private readonly actions = new Map<string, Action>();
  private readonly calls: { close(): Promise<void> };
  private closing: Promise<void> | undefined;

  constructor(options: OpenHooksOptions, script: string, fifos: readonly string[]) {
    this.options = options;
    this.script = script;
    this.files = [...fifos, 'hook'].map((name) => join(options.dir, name));
    for (const action of options.told) this.actions.set(action, { waiting: new Set() });
    for (const action of options.held) {
      const answers = openFifo(join(options.dir, answerFifo(action)));
      this.actions.set(action, { waiting: new Set(), answers });
    }
    this.calls = readLines(join(options.dir, CALLS), (line) => this.reported(line));
    // Only now, when their reports can be read: hooks that waited for an earlier agent.
    for (const { answers } of this.actions.values()) answers?.write(`${AGAIN}\n`);
  }

  called(name: string, signal: AbortSignal): Promise<HookCall> {
    const action = this.action(name);
    return new Promise((resolve, reject) => {
      const settle = () => {
        if (action.failure) reject(action.failure);
        else if (action.call) resolve(action.call);
        else if (signal.aborted) reject(signal.reason);
        else if (this.closing !== undefined) reject(closedError(name));
        else return;
        action.waiting.delete(settle);
        signal.removeEventListener('abort', settle);
      };
      action.waiting.add(settle);
      signal.addEventListener('abort', settle);
      settle();
    });
  }

  async answer(name: string, verdict: Verdict): Promise<void> {
    const action = this.action(name);
    assert(action.answers, `hook action '${name}' is not held`);
    assert(!action.verdict || action.verdict === verdict, `hook action '${name}' was answered already`);
    if (this.closing !== undefined) throw closedError(name);
    action.verdict = verdict;
    if (action.call) action.answers.write(`${verdict}\n`);
  }

  close(): Promise<void> {
    this.closing ??= this.shut();
    return this.closing;
  }

  /** Names first: a hook that wakes up because its FIFO was closed must not find the old one again. */
  private async shut(): Promise<void> {
    await removeAll(this.files);
    for (const { answers } of this.actions.values()) answers?.close();
    await this.calls.close();
    for (const { waiting } of this.actions.values()) for (const settle of [...waiting]) settle();
  }

  private action(name: string): Action {
    const action = this.actions.get(name);
    assert(action, `nobody asked for hook action '${name}'`);
    return action;
  }

  /** A hook reports again when it was asked to, or when its answer was lost with an earlier agent. */
  private reported(line: string): void {
    const [, name = '', pid, failed] = /^([a-z-]+) (\d*)(?: ([a-z-]+))?$/.exec(line) ?? [];
    const action = this.actions.get(name);
    if (!action) return;
    if (failed === FREEZE_FAILED) action.failure ??= this.freezeError();
    else action.call ??= { action: name, initPid: Number(pid), atMs: this.options.clock.nowMs() };
    if (action.verdict) action.answers?.write(`${action.verdict}\n`);
    for (const settle of [...action.waiting]) settle();
  }

  private freezeError(): GodwitError {
    const { file, value } = this.options.freeze ?? { file: '', value: '' };
    return new GodwitError('HOST_FAILED', {
      action: 'freezing the container',
      problem: `${value} could not be written to ${file}`,
    });
  }
}

function closedError(action: string): GodwitError {
  return new GodwitError('MOVE_ABORTED', { problem: `nobody waits for criu's ${action} any more` });
}

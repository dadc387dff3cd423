import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { NodeState } from '../../protocol/mod.ts';

/** What was said of this node; written to its disk with each change, for it outlives the agent and the machine. */
export function nodeStateIn(stateDir: string, log: Logger): { state: NodeState } {
  const file = join(stateDir, 'node-state');
  let state = read(file);
  return {
    get state() {
      return state;
    },
    set state(next) {
      state = next;
      try {
        mkdirSync(stateDir, { recursive: true, mode: 0o700 });
        writeFileSync(`${file}.new`, `${next}\n`, { mode: 0o600 });
        renameSync(`${file}.new`, file);
      } catch (error) {
        log.error({ err: error, state: next }, 'the state of the node could not be kept');
      }
    },
  };
}

function read(file: string): NodeState {
  try {
    return NodeState.parse(readFileSync(file, 'utf8').trim());
  } catch {
    return 'up';
  }
}

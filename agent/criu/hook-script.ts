import { shellWord } from '../host/shell-word.ts';
import type { EarlyFreeze, HookOptions } from './criu.ts';

/** Names of the FIFOs in the directory of a hook channel. */
export const CALLS = 'calls';
export const answerFifo = (action: string) => `answer.${action}`;

/** Third word of a report: the container's cgroup could not be frozen, and the hook returns 1 by itself. */
export const FREEZE_FAILED = 'freeze-failed';
/** Line in an answer FIFO that makes a waiting hook report again. */
export const AGAIN = 'again';

/** The action at which a dump is complete and the hook freezes the container's cgroup. */
const FREEZES_AT = 'post-dump';
/** The action after which criu stops the tasks. */
const EARLY_AT = 'pre-dump';
/** Looks at a cgroup that freezes, some milliseconds: at the first or second it is frozen. */
const EARLY_LOOKS = 200;
/** Tasks that are looked at for a vfork: each costs some 30 µs in which all stand still. */
const EARLY_TASKS = 300;
const EARLY_TRIES = 20;

/**
 * The hook script: POSIX sh, builtins only, because criu runs it at every action and the tasks stand still meanwhile.
 *
 * It never decides. Without an agent it blocks in opening a FIFO; when the agent dies while it waits for the answer, the
 * read ends and it reports again, to whichever agent opens the FIFOs next. It ends without an answer only when criu itself
 * is gone and nobody reads its exit code, or with its agent where it was told so. It ignores SIGPIPE: an agent that dies during a
 * report cannot end it.
 */
export function hookScript({ dir, held, told, freeze, endsWithAgent }: HookOptions): string {
  const living = endsWithAgent ? `kill -0 ${process.pid} 2>/dev/null || exit 1` : ':';
  return `#!/bin/sh
action=$CRTOOLS_SCRIPT_ACTION
case $action in
${casesOf(held, told)}
*) exit 0 ;;
esac
dir=${shellWord(dir)}
trap '' PIPE
# Waits for the FIFOs of an agent that has closed them.
present() {
  until [ -p "$dir/${CALLS}" ]; do
    kill -0 "$PPID" 2>/dev/null || exit 1
    ${living}
    sleep 1
  done
}
report() {
  ${living}
  present
  until echo "$1" 2>/dev/null >"$dir/${CALLS}"; do present; done
}
${freeze ? freezeLines(freeze) : ''}while :; do
  report "$action $CRTOOLS_INIT_PID"
${freeze?.early ? earlyLines({ ...freeze, early: freeze.early }) : ''}  [ "$held" ] || exit 0
  verdict=
  { read -r verdict <"$dir/$held"; } 2>/dev/null
  case $verdict in
  go) exit 0 ;;
  stop) exit 1 ;;
  '') ${endsWithAgent ? 'exit 1' : ':'} ;;
  esac
  kill -0 "$PPID" 2>/dev/null || exit 1
done
`;
}

function casesOf(held: readonly string[], told: readonly string[]): string {
  const lines: string[] = [];
  if (held.length > 0) lines.push(`${held.join(' | ')}) held=${answerFifo('$action')} ;;`);
  if (told.length > 0) lines.push(`${told.join(' | ')}) held= ;;`);
  return lines.join('\n');
}

/** A container that cannot be frozen must not be moved: the hook says so and returns 1 before anybody can commit. */
function freezeLines({ file, value }: { readonly file: string; readonly value: string }): string {
  return `if [ "$action" = ${FREEZES_AT} ]; then
  { echo ${shellWord(value)} >${shellWord(file)}; } 2>/dev/null || {
    report "$action $CRTOOLS_INIT_PID ${FREEZE_FAILED}"
    exit 1
  }
fi
`;
}

/**
 * criu itself would look whether they are frozen at once, and then only every 100 ms; tasks that it finds frozen, or freezing, it does
 * not wait for (criu/seize.c). So what does not freeze here in time is left to criu, which freezes and waits as it would have. Who waits
 * for a vfork's child counts as frozen, but never stops for criu when the child has been stopped before it: all are let go until that
 * is over.
 */
function earlyLines({ file, value, early }: { file: string; value: string; early: EarlyFreeze }): string {
  const state = shellWord(file);
  return `  if [ "$action" = ${EARLY_AT} ]; then
    look() {
      looks=0
      until ${readSeen(file, early)} [ "$seen" = "$1" ]; do
        looks=$((looks + 1))
        [ "$looks" -lt ${EARLY_LOOKS} ] || return 1
      done
    }
    vforks() {
      {
        while read -r task && [ "$tasks" -lt ${EARLY_TASKS} ]; do
          tasks=$((tasks + 1))
          read -r at <"/proc/$task/wchan"
          case $at in kernel_clone | wait_for_vfork_done) return 0 ;; esac
        done <"$1${early.tasks}"
      } 2>/dev/null
      for below in "$1"*/; do
        [ ! -e "$below" ] || ! vforks "$below" || return 0
      done
      return 1
    }
    tries=0
    while { echo ${shellWord(value)} >${state}; } 2>/dev/null; do
      tasks=0
      look ${shellWord(value)} && ! vforks ${shellWord(`${early.group}/`)} && break
      { echo ${shellWord(early.thawed)} >${state}; } 2>/dev/null
      tries=$((tries + 1))
      [ "$tries" -lt ${EARLY_TRIES} ] || break
      look never || :
    done
    kill -0 "$PPID" 2>/dev/null || {
      { echo ${shellWord(early.thawed)} >${state}; } 2>/dev/null
      exit 1
    }
  fi
`;
}

/** Commands that leave in `seen` how far the freeze is: cgroup v1 says so in the file itself, v2 in a line of another one. */
function readSeen(file: string, { events }: EarlyFreeze): string {
  if (events === undefined) return `{ read -r seen <${shellWord(file)}; } 2>/dev/null &&`;
  return `seen=; { while read -r word seen && [ "$word" != frozen ]; do :; done <${shellWord(events)}; } 2>/dev/null;`;
}

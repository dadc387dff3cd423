// What the fake programs have in common: the word in the file $GODWIT_FAKE/ACTION tells what goes wrong.
//   fail     quotes an error in its log and ends with 1      silent   ends with 1 and an empty log
//   garbage  ends with 1 and a log of random bytes           die      is killed in the middle
//   hang     stays for ever, whatever signal it gets         lie      ends with 0 and has done nothing
//   wait     waits until the word is taken back              chain    fails when it has a parent image, as criu#2995
//   moment   fails once, with what criu says of a message that waits in a unix socket
// It notes in $GODWIT_FAKE/ACTION.reached that it got there.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const fake = process.env.GODWIT_FAKE;

/** Ends the way the word says; comes back when there is none. `log` writes the whole log, `complaint` is what `fail` says. */
export async function misbehave(action, { log, complaint, hasParent = false }) {
  const file = join(fake, action);
  const word = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  writeFileSync(`${file}.reached`, '');
  if (word === 'wait') {
    while (existsSync(file)) await pause();
    return;
  }
  if (word === 'die') process.kill(process.pid, 'SIGKILL');
  if (word === 'hang') {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => {});
    setInterval(() => {}, 60_000);
    await new Promise(() => {});
  }
  if (word === 'chain') {
    if (!hasParent) return;
    log('Error (criu/page-xfer.c:285): Missing 7f0000000000 in parent pagemap\n');
  }
  if (word === 'moment') {
    log('Error (criu/sk-queue.c:144): skqueue: Control messages in queue, not supported\n');
    rmSync(file);
  }
  if (word === 'garbage') log(randomBytes(200_000));
  if (word === 'fail') log(complaint);
  if (word === 'lie') process.exit(0);
  if (word !== '') process.exit(1);
}

export function pause() {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

// Stands for `lxc-checkpoint -r`: IMAGES HOOK CGROUP. Waits for its images, builds "tasks" in the fake cgroup, asks the hook.
// A word in $GODWIT_FAKE/restore (see fake-criu.mjs) tells what goes wrong once the images are
// there; `wait` holds it until the word is taken back.
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [images, hook, cgroup] = process.argv.slice(2);
const fake = process.env.GODWIT_FAKE;
const word = existsSync(join(fake, 'restore')) ? readFileSync(join(fake, 'restore'), 'utf8').trim() : '';
const log = (text) => writeFileSync(join(images, 'restore.log'), text);

readFileSync(join(images, 'inventory.img'));
writeFileSync(join(fake, 'restore.reached'), '');
// Until the word is taken back.
while (word === 'wait' && existsSync(join(fake, 'restore'))) await pause();
if (word === 'die') process.kill(process.pid, 'SIGKILL');
if (word === 'hang') {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => {});
  setInterval(() => {}, 60_000);
  await new Promise(() => {});
}
if (word === 'garbage') log(randomBytes(200_000));
if (word === 'fail') log('Error (criu/fake.c:43): the fake restore was told to fail\n');
if (word === 'lie') process.exit(0);
if (word !== '' && word !== 'wait') process.exit(1);

const pid = await build();
if (!ask('post-restore')) {
  process.kill(pid, 'SIGKILL');
  process.exit(1);
}
ask('post-resume');

async function build() {
  const tasks = new URL('fake-tasks', import.meta.url).pathname;
  spawn('/bin/sh', [tasks, cgroup], { detached: true, stdio: 'ignore' }).unref();
  for (;;) {
    const found = Number(readFileSync(join(cgroup, 'cgroup.procs'), 'utf8'));
    if (found > 0) return found;
    await pause();
  }
}

function pause() {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

function ask(action) {
  const env = { ...process.env, CRTOOLS_SCRIPT_ACTION: action, CRTOOLS_INIT_PID: String(pid) };
  return spawnSync(hook, { env, stdio: 'ignore' }).status === 0;
}

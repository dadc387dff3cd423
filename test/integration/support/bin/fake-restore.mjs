// Stands for `lxc-checkpoint -r`: IMAGES HOOK CGROUP. Waits for its images, builds "tasks" in the fake cgroup, asks the hook.
// What goes wrong once the images are there is told by a word (see misbehave.mjs).
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { misbehave, pause } from './misbehave.mjs';

const [images, hook, cgroup] = process.argv.slice(2);
const log = (text) => writeFileSync(join(images, 'restore.log'), text);

if (readFileSync(join(images, 'inventory.img')).length === 0) process.exit(1);
const complaint = 'Error (criu/fake.c:43): the fake restore was told to fail\n';
await misbehave('restore', { log, complaint });

const pid = await build();
if (!ask('post-restore')) {
  process.kill(pid, 'SIGKILL');
  process.exit(1);
}
await misbehave('resume', { log, complaint });
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

function ask(action) {
  const env = { ...process.env, CRTOOLS_SCRIPT_ACTION: action, CRTOOLS_INIT_PID: String(pid) };
  return spawnSync(hook, { env, stdio: 'ignore' }).status === 0;
}

// Stands for criu in moves without a kernel; what goes wrong is told by a word (see misbehave.mjs).
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { misbehave } from './misbehave.mjs';

const PAGES = Buffer.alloc(256 * 1024, 'page');
const [action, ...rest] = process.argv.slice(2);
const option = (name) => (rest.includes(name) ? rest[rest.indexOf(name) + 1] : undefined);
const images = option('--images-dir');
const port = Number(option('--port'));

const log = (text) => writeFileSync(option('--log-file'), text);
const ready = () => writeSync(3, '\0');
const freezer = (state) => writeFileSync(join(option('--freeze-cgroup'), 'freezer.state'), `${state}\n`);

const complaint = 'Warn  (criu/x.c:1): nothing\nError (criu/fake.c:42): the fake was told to fail\n';
const misbehaving = () =>
  misbehave(action, { log, complaint, hasParent: rest.includes('--prev-images-dir') });

function hook(name) {
  const script = option('--action-script');
  const env = { ...process.env, CRTOOLS_SCRIPT_ACTION: name, CRTOOLS_INIT_PID: option('-t') };
  return spawnSync(script, { env, stdio: 'ignore' }).status === 0;
}

function sendPages() {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: option('--address'), allowHalfOpen: true });
    socket.on('error', reject).on('close', resolve).resume().end(PAGES);
  });
}

/** A round: the same pages, and statistics that say how many were written: half as many each time. */
async function preDump() {
  await misbehaving();
  await sendPages().catch((error) => {
    log(`Error (criu/page-xfer.c:1): ${error.message}\n`);
    process.exit(1);
  });
  const written = Math.max(1, 64 >> Number(images.split('/').at(-1)));
  const entry = Buffer.from([10, 6, 16, 100, 40, 64, 56, written]);
  const head = Buffer.alloc(12);
  for (const [index, word] of [0x5510_5940, 0x5709_3306, entry.length].entries())
    head.writeUInt32LE(word, index * 4);
  writeFileSync(join(images, 'stats-dump'), Buffer.concat([head, entry]));
}

async function dump() {
  if (!hook('pre-dump')) process.exit(1);
  freezer('FROZEN');
  if (!hook('network-lock')) process.exit(1);
  await misbehaving();
  if (rest.includes('--page-server')) {
    await sendPages().catch((error) => {
      log(`Error (criu/page-xfer.c:1): ${error.message}\n`);
      freezer('THAWED');
      process.exit(1);
    });
  }
  if (!rest.includes('--page-server') && !rest.includes('--lazy-pages')) {
    const previous = option('--prev-images-dir');
    // What a dump builds on is looked into, but its pages are not read.
    const before = previous && statSync(join(images, previous, 'pages-1.img'));
    if (previous && readFileSync(join(images, previous, 'pagemap-1.img'), 'utf8') !== 'pagemap')
      process.exit(1);
    if (before && (before.size === 0 || before.blocks > 0)) process.exit(1);
    writeFileSync(join(images, 'pages-1.img'), previous ? PAGES.subarray(0, 4096) : PAGES);
    writeFileSync(join(images, 'pagemap-1.img'), 'pagemap');
  }
  for (const name of ['inventory.img', 'core-1.img', 'pstree.img']) writeFileSync(join(images, name), name);
  if (!hook('post-dump')) {
    log('Error (criu/action-scripts.c:1): the hook said stop\n');
    freezer('THAWED');
    process.exit(1);
  }
  if (rest.includes('--leave-running')) freezer('THAWED');
}

function receivePages() {
  const server = createServer({ allowHalfOpen: true }, async (socket) => {
    server.close();
    await misbehaving();
    const chunks = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => {
      writeFileSync(join(images, 'pages-1.img'), Buffer.concat(chunks));
      writeFileSync(join(images, 'pagemap-1.img'), 'pagemap');
      socket.end();
    });
  }).listen(port, '127.0.0.1', ready);
}

/** Its images have no memory: all it has to say is goodbye, which is answered with four zero bytes. */
async function fetchPages() {
  if (readFileSync(join(images, 'inventory.img')).length === 0) process.exit(1);
  const socket = connect({ port, host: option('--address') });
  socket.on('error', () => process.exit(1));
  await once(socket, 'connect');
  ready();
  await misbehaving();
  const goodbye = Buffer.alloc(32);
  goodbye.writeUInt32LE(0x1023);
  socket.end(goodbye);
  const [status] = await once(socket, 'data');
  process.exit(status.equals(Buffer.alloc(4)) ? 0 : 1);
}

const actions = { dump, 'pre-dump': preDump, 'page-server': receivePages, 'lazy-pages': fetchPages };
await actions[action]();

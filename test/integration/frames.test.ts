import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Command, Runner } from '../../agent/effects/runner.ts';
import { createRunner } from '../../agent/effects/system-runner.ts';
import { framesLack, replayFrames, tapFrames } from '../../agent/host/frames.ts';

/** Network namespaces of a host and a container, joined by a veth. */
const HOST = `gwtest-host-${process.pid}`;
const CONTAINER = `gwtest-ct-${process.pid}`;
const MAC = '02:00:00:00:00:7a';
const LINKS = [
  { hostEnd: 'missing0', mac: '02:00:00:00:00:7b' },
  { hostEnd: 'gwtest0', mac: MAC },
];
/** More than an MTU: the kernel sends it as one frame whose segments are still to be cut. */
const REQUEST_BYTES = 12_000;
const DEADLINE_MS = 60_000;

const runner = createRunner();
const there: Command[] = [];
/** What the agent of that host starts. */
const onHost: Runner = {
  run: (command) => runner.run(inside(command)),
  start: (command) => runner.start(inside(command)),
};
const inside = (command: Command) => {
  there.push(command);
  return { ...command, file: 'ip', args: ['netns', 'exec', HOST, command.file, ...command.args] };
};
const children: ChildProcess[] = [];

async function ip(...args: string[]): Promise<void> {
  const { exitCode, stderr } = await runner.run({ file: 'ip', args, deadlineMs: DEADLINE_MS });
  if (exitCode !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`);
}

/** A perl program in a namespace, and the lines that it prints. */
function program(where: string, text: string) {
  const child = spawn('ip', ['netns', 'exec', where, 'perl', '-MIO::Socket::INET', '-e', text], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    say: (word: string) => child.stdin.write(`${word}\n`),
    line: async () => (await lines.next()).value,
  };
}

beforeAll(async () => {
  for (const name of [HOST, CONTAINER]) await ip('netns', 'add', name);
  await ip('-n', HOST, 'link', 'add', 'gwtest0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', CONTAINER);
  await ip('-n', CONTAINER, 'link', 'set', 'eth0', 'address', MAC, 'up');
  await ip('-n', CONTAINER, 'addr', 'add', '10.99.0.2/24', 'dev', 'eth0');
  await ip('-n', HOST, 'addr', 'add', '10.99.0.1/24', 'dev', 'gwtest0');
  await ip('-n', HOST, 'link', 'set', 'gwtest0', 'up');
});

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  for (const name of [HOST, CONTAINER]) await ip('netns', 'delete', name).catch(() => {});
});

/** Drops what goes out of a namespace, or comes into it. */
const drop = (where: string, what: '-I' | '-D', chain: 'INPUT' | 'OUTPUT') =>
  ip('netns', 'exec', where, 'iptables', '-w', what, chain, '-p', 'tcp', '-j', 'DROP');

it('gives a container the request that came while its network was locked; the client never sends it again', async () => {
  const server = program(
    CONTAINER,
    `$| = 1; my $s = IO::Socket::INET->new(Listen => 1, LocalPort => 7000) or die; print "up\n";
     my $c = $s->accept; my $n = 0; while ($n < ${REQUEST_BYTES}) { $n += sysread($c, my $b, 65536) or last } syswrite($c, "got $n\n"); sleep 600`,
  );
  expect(await server.line()).toBe('up');
  const client = program(
    HOST,
    `$| = 1; my $s = IO::Socket::INET->new("10.99.0.2:7000") or die; print "connected\n"; <STDIN>;
     syswrite($s, "x" x ${REQUEST_BYTES}); print "sent\n"; print scalar <$s>;`,
  );
  expect(await client.line()).toBe('connected');

  const tap = tapFrames(onHost, LINKS.slice(1), DEADLINE_MS);
  await drop(CONTAINER, '-I', 'INPUT');
  await expect.poll(() => listensTo('gwtest0'), { timeout: 20_000 }).toBe(true);
  client.say('now');
  expect(await client.line()).toBe('sent');
  // What came before it was told waits in its socket.
  tap.listen();
  let frames = Buffer.alloc(0);
  tap.channel.on('data', (chunk: Buffer) => {
    frames = Buffer.concat([frames, chunk]);
  });
  await expect.poll(() => frames.length, { timeout: 20_000 }).toBeGreaterThan(REQUEST_BYTES);
  await drop(HOST, '-I', 'OUTPUT');
  expect(await tap.close()).toBe('');

  await drop(CONTAINER, '-D', 'INPUT');
  const replay = replayFrames(onHost, LINKS, DEADLINE_MS);
  replay.channel.write(numbered(frames, 1));
  expect(await client.line()).toBe(`got ${REQUEST_BYTES}`);
  expect(await replay.close()).toBe('');
});

it('ends with the agent, and says what it lacks', async () => {
  expect(await framesLack(onHost)).toBe('');
  expect(
    await framesLack({
      ...runner,
      run: async () => runner.run({ file: 'false', args: [], deadlineMs: 1_000 }),
    }),
  ).toBe('perl ended with 1');
  for (const child of [
    tapFrames(onHost, LINKS.slice(1), DEADLINE_MS),
    replayFrames(onHost, LINKS, DEADLINE_MS),
  ]) {
    child.channel.destroy();
    expect(await child.close()).toBe('');
  }
  const tap = tapFrames(onHost, LINKS, DEADLINE_MS);
  await once(tap.channel.resume(), 'close');
  expect(await tap.close()).toMatch(/^interface missing0: No such device/);
});

/** A packet socket is bound there. */
async function listensTo(link: string): Promise<boolean> {
  const read = (file: string) =>
    runner.run({ file: 'ip', args: ['netns', 'exec', HOST, 'cat', file], deadlineMs: DEADLINE_MS });
  const [{ stdout: index }, { stdout: sockets }] = await Promise.all([
    read(`/sys/class/net/${link}/ifindex`),
    read('/proc/net/packet'),
  ]);
  return sockets.split('\n').some((line) => line.trim().split(/\s+/)[4] === index.trim());
}

/** Records of the same frames for another interface of the container. */
function numbered(records: Buffer, number: number): Buffer {
  const copy = Buffer.from(records);
  for (let at = 0; at < copy.length; at += 5 + copy.readUInt32BE(at + 1)) copy[at] = number;
  return copy;
}

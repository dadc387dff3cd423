// Runs in the guest: each connection carries one command, its standard streams and its exit code (../frames.ts).
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type Socket } from 'node:net';
import { decoder, encode, Frame, type Request } from '../frames.ts';

const PORT = 7;
const LINE_LIMIT = 1 << 20;
const STRAYS_MS = 1000;

function serve(socket: Socket): void {
  let line: Buffer = Buffer.alloc(0);
  socket.on('error', () => socket.destroy());
  const readLine = (chunk: Buffer) => {
    line = Buffer.concat([line, chunk]);
    const end = line.indexOf(0x0a);
    if (end < 0) return line.length > LINE_LIMIT ? socket.destroy() : undefined;
    socket.off('data', readLine);
    const request: Request = JSON.parse(line.subarray(0, end).toString());
    if (request.token !== process.env.TOKEN) return socket.destroy();
    const feed = run(socket, request);
    socket.on('data', feed);
    feed(line.subarray(end + 1));
    return undefined;
  };
  socket.on('data', readLine);
}

/** Starts the command; gives what takes the caller's frames. */
function run(socket: Socket, { argv, env }: Request): (chunk: Buffer) => void {
  const [program = 'true', ...args] = argv;
  const { TOKEN: _, ...own } = process.env;
  const child = spawn(program, args, {
    cwd: '/godwit',
    env: { ...own, ...env },
    detached: true,
    stdio: 'pipe',
  });
  forward(child, socket);
  // A caller that is gone takes its command along, with all that it started in its session.
  socket.on('close', () => signal(child, 'SIGTERM'));
  child.stdin.on('error', () => undefined);
  return decoder((kind, payload) => {
    if (kind === Frame.stdin && !child.stdin.write(payload)) {
      socket.pause();
      child.stdin.once('drain', () => socket.resume());
    }
    if (kind === Frame.stdinEnd) child.stdin.end();
  });
}

function forward(child: ChildProcess, socket: Socket): void {
  for (const [kind, stream] of [
    [Frame.stdout, child.stdout],
    [Frame.stderr, child.stderr],
  ] as const) {
    stream?.on('data', (chunk: Buffer) => {
      if (socket.write(encode(kind, chunk))) return;
      stream.pause();
      socket.once('drain', () => stream.resume());
    });
  }
  const end = (status: number) => socket.end(encode(Frame.exit, Buffer.from(String(status))));
  child.on('error', (error) => {
    socket.write(encode(Frame.stderr, Buffer.from(`${error.message}\n`)));
    end(127);
  });
  child.on('exit', (code) => {
    let ended = false;
    const finish = () => {
      if (!ended) end(code ?? 255);
      ended = true;
    };
    child.once('close', finish);
    // What it left running may hold the streams open for ever.
    setTimeout(finish, STRAYS_MS);
  });
}

function signal(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null) return;
  try {
    process.kill(-child.pid, name);
  } catch {
    // It ended in this moment.
  }
}

createServer(serve).listen(PORT, () => console.log('VM-READY'));

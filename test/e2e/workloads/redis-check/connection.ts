import { connect, type Socket } from 'node:net';
import { encodeCommand, type Reply, RespReader } from './resp.ts';

/** A connection was lost, closed, stalled or answered out of turn; it is never opened again. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

interface Waiting {
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

/** One connection to Redis for its whole life: no reconnect, replies in the order of the commands. */
export class RedisConnection {
  private readonly waiting: Waiting[] = [];
  private readonly reader = new RespReader();
  private readonly socket: Socket;
  private readonly onReply: () => void;
  private lost: ConnectionLost | undefined;
  /** The local port: the same before and after a move, or it was not the same connection. */
  readonly localPort: number;

  private constructor(socket: Socket, onReply: () => void) {
    this.socket = socket;
    this.onReply = onReply;
    this.localPort = socket.localPort ?? 0;
    socket.on('data', (chunk) => this.receive(chunk));
    socket.on('error', (error) => this.lose(error.message));
    socket.on('close', () => this.lose('closed by the server'));
  }

  /** Connects once. `onReply` is called for every reply, before its command is answered. */
  static open(host: string, port: number, onReply: () => void): Promise<RedisConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new RedisConnection(socket, onReply));
      });
    });
  }

  /** Sends a command. @throws ConnectionLost */
  send(...parts: readonly (string | Buffer)[]): Promise<Reply> {
    const lost = this.lost;
    if (lost) return Promise.reject(lost);
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.socket.write(encodeCommand(parts));
    });
  }

  /** Gives the connection up with a reason; commands without a reply fail. */
  lose(reason: string): void {
    this.lost ??= new ConnectionLost(reason);
    this.socket.destroy();
    for (const one of this.waiting.splice(0)) one.reject(this.lost);
  }

  private receive(chunk: Buffer): void {
    let replies: Reply[];
    try {
      replies = this.reader.push(chunk);
    } catch (error) {
      this.lose((error as Error).message);
      return;
    }
    for (const reply of replies) {
      const command = this.waiting.shift();
      if (command) {
        this.onReply();
        command.resolve(reply);
      } else {
        this.lose('a reply that nobody asked for');
        return;
      }
    }
  }
}

import {
  DIRECTION,
  encodeHandshake,
  type Hello,
  parseAnswer,
  parseHello,
  splitHandshake,
} from '../../../agent/transfer/handshake.ts';
import { Permits } from '../../../agent/transfer/permits.ts';
import type { StreamId } from '../../../agent/transfer/stream.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { End, type EndOptions } from './end.ts';
import type { Connection, Network } from './network.ts';

const TOKEN = 'f00d'.repeat(16);
const ID: StreamId = { job: 'job', kind: 'pages', index: 0 };

type Content = Pick<EndOptions, 'world' | 'random' | 'writes' | 'reads' | 'length' | 'mostAtOnce'>;

/** The agent whose data port is dialed: the real permits decide what a hello may do. */
export class Acceptor {
  /** Every stream it ever had; more than one only if a restart took the first away. */
  readonly ends: End[] = [];
  private readonly content: Content;
  private permits = new Permits<End>();

  constructor(content: Content) {
    this.content = content;
    this.permits.permit(ID.job, TOKEN);
  }

  /** It dies, comes back and lets the job in again, but knows no stream any more. */
  restart(): void {
    for (const end of this.ends) end.vanish();
    this.permits = new Permits<End>();
    this.permits.permit(ID.job, TOKEN);
  }

  welcome(connection: Connection): void {
    connection.listen(1, { bytes: (bytes) => this.begin(connection, hello(bytes)), lost: () => {} });
  }

  private begin(connection: Connection, hello: Hello): void {
    const { answer, stream } = this.permits.claim(hello);
    connection.send(1, encodeHandshake(DIRECTION.answer, answer));
    if (stream === 'over') {
      connection.hangUp(1);
      return;
    }
    const end = stream === 'new' ? new End({ ...this.content, id: ID, side: 1 }) : stream;
    end.use(connection, { received: hello.received ?? 0, window: hello.window });
    if (stream !== 'new') return;
    this.ends.push(end);
    this.permits.deliver(end);
  }
}

/** The agent that opens a stream. */
export class Opener {
  readonly end: End;
  /** What it said last: a witness could say it again. */
  lastHello: Buffer | undefined;
  private readonly network: Network;
  private readonly acceptor: Acceptor;
  private attempt = 0;
  private known = false;

  constructor(network: Network, acceptor: Acceptor, content: Content) {
    this.network = network;
    this.acceptor = acceptor;
    const dial = (received: number, withinMs: number) => this.dial(received, withinMs);
    this.end = new End({ ...content, id: ID, side: 0, dial });
  }

  /** As `openStream` does: again and again until it is let in. */
  open(): void {
    if (!this.known && this.end.fate === 'open') this.dial(undefined, LIMITS.handshakeMs);
  }

  private dial(received: number | undefined, withinMs: number): void {
    const { network, end } = this;
    const { world, random } = network;
    this.attempt += 1;
    const base = { ...ID, token: TOKEN, window: LIMITS.streamWindowBytes, secret: 's'.repeat(32) };
    const body = { ...base, attempt: this.attempt, ...(received === undefined ? {} : { received }) };
    this.lastHello = encodeHandshake(DIRECTION.hello, body);
    const connection = network.connect();
    this.acceptor.welcome(connection);
    const failed = (problem: string): void => {
      cancel();
      connection.hangUp(0);
      if (this.known) end.core.dialFailed(problem, world.nowMs);
      else world.after(250, () => this.open());
    };
    const cancel = world.after(withinMs, () => failed('no handshake in time'));
    connection.listen(0, {
      bytes: (bytes) => {
        cancel();
        const answer = parseAnswer(splitHandshake(bytes, DIRECTION.answer)?.body ?? Buffer.alloc(0));
        if (!answer.ok) end.core.refused(answer.problem);
        else {
          this.known = true;
          end.use(connection, answer);
        }
      },
      lost: failed,
    });
    // Some hellos take so long that a later one overtakes them.
    const hello = this.lastHello;
    if (random.chance(0.1)) world.after(random.upTo(network.lateMs), () => connection.send(0, hello));
    else connection.send(0, hello);
  }
}

/** Somebody on the way says a hello once more. */
export function replay(network: Network, acceptor: Acceptor, hello: Buffer): void {
  const connection = network.connect();
  acceptor.welcome(connection);
  connection.send(0, hello);
}

function hello(bytes: Buffer): Hello {
  return parseHello(splitHandshake(bytes, DIRECTION.hello)?.body ?? Buffer.alloc(0));
}

import type { Random } from './random.ts';
import type { World } from './world.ts';

/** One end of a simulated connection. */
export interface Port {
  readonly bytes: (bytes: Buffer) => void;
  readonly lost: (problem: string) => void;
}

interface Arrival {
  readonly atMs: number;
  readonly action: () => void;
}

/** A simulated TCP connection: in order and whole, until it breaks; then what is under way is lost. */
export class Connection {
  private readonly network: Network;
  private readonly ports: [Port | undefined, Port | undefined] = [undefined, undefined];
  /** In each direction; later ones do not overtake earlier ones. */
  private readonly underWay: [Arrival[], Arrival[]] = [[], []];
  private broken = false;

  constructor(network: Network) {
    this.network = network;
  }

  listen(side: 0 | 1, port: Port): void {
    this.ports[side] = port;
  }

  send(from: 0 | 1, bytes: Buffer): void {
    this.arrive(from, () => this.ports[1 - from]?.bytes(bytes));
  }

  /** This side does not want it any more; the other one hears of it after all that was sent, or never. */
  hangUp(side: 0 | 1): void {
    this.ports[side] = undefined;
    this.arrive(side, () => this.lose((1 - side) as 0 | 1, 'the peer closed the connection before the end'));
  }

  /** What is under way is lost. A side that is told nothing must notice by itself. */
  break(told: readonly [boolean, boolean]): void {
    this.broken = true;
    for (const side of [0, 1] as const) {
      const delayMs = this.network.random.upTo(50);
      if (told[side]) this.network.world.after(delayMs, () => this.lose(side, 'ECONNRESET'));
    }
  }

  private lose(side: 0 | 1, problem: string): void {
    const port = this.ports[side];
    this.ports[side] = undefined;
    port?.lost(problem);
  }

  private arrive(from: 0 | 1, action: () => void): void {
    const { world, random } = this.network;
    const queue = this.underWay[from];
    queue.push({ atMs: world.nowMs + 0.5 + random.upTo(20), action });
    if (queue.length === 1) this.moveOn(from);
  }

  /** While the cable is cut the kernels keep everything, and send it again some time after it is mended. */
  private moveOn(from: 0 | 1): void {
    const { world, random, mendedMs } = this.network;
    const [first] = this.underWay[from];
    if (first === undefined) return;
    const cut = mendedMs > world.nowMs;
    const waitMs = cut ? mendedMs - world.nowMs + random.upTo(1_500) : first.atMs - world.nowMs;
    world.after(Math.max(0, waitMs), () => {
      if (this.broken) return;
      if (this.network.mendedMs <= world.nowMs) {
        this.underWay[from].shift();
        first.action();
      }
      this.moveOn(from);
    });
  }
}

/** The link between two nodes. */
export class Network {
  readonly world: World;
  readonly random: Random;
  /** The cable is cut until then. */
  mendedMs = 0;
  /** How late a hello may be. */
  readonly lateMs: number;
  /** Connections that were ever begun. */
  made = 0;
  private readonly connections = new Set<Connection>();

  constructor(world: World, random: Random, lateMs: number) {
    this.world = world;
    this.random = random;
    this.lateMs = lateMs;
  }

  /** A connection; the handshake goes over it like everything else. */
  connect(): Connection {
    this.made += 1;
    const connection = new Connection(this);
    this.connections.add(connection);
    return connection;
  }

  /** Breaks every connection. */
  reset(told: () => readonly [boolean, boolean]): void {
    for (const connection of this.connections) connection.break(told());
    this.connections.clear();
  }
}

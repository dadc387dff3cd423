/** Tells a move where it stands: 1 is the next to begin; undefined when it is its turn. */
export type Placed = (place: number | undefined) => void;

interface Waiting {
  readonly number: number;
  readonly placed: Placed;
  readonly go: () => void;
}

/** A move's right to leave. It keeps its number when it gives its turn back for a while. */
export interface Ticket {
  /** Resolves when it is this move's turn. Rejects with the signal's reason. */
  enter(signal: AbortSignal): Promise<void>;
  /** Its turn is over, or given back; does nothing where it has none. */
  leave(): void;
}

/** The moves that leave a node: a few at a time, the others wait in the order in which they came. */
export class Departures {
  private readonly most: number;
  private readonly waiting: Waiting[] = [];
  private leaving = 0;
  private tickets = 0;

  /** @param most at the same time */
  constructor(most: number) {
    this.most = most;
  }

  /** The next number. */
  ticket(placed: Placed): Ticket {
    const number = this.tickets++;
    let entered = false;
    return {
      enter: async (signal) => {
        await this.turn(number, placed, signal);
        entered = true;
      },
      leave: () => {
        if (!entered) return;
        entered = false;
        this.leaving -= 1;
        this.callNext();
      },
    };
  }

  private turn(number: number, placed: Placed, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const giveUp = (): void => {
        this.waiting.splice(this.waiting.indexOf(waiting), 1);
        reject(signal.reason);
        this.tellPlaces();
      };
      const go = (): void => {
        signal.removeEventListener('abort', giveUp);
        placed(undefined);
        resolve();
      };
      const waiting = { number, placed, go };
      signal.addEventListener('abort', giveUp, { once: true });
      const later = this.waiting.findIndex((other) => other.number > number);
      this.waiting.splice(later < 0 ? this.waiting.length : later, 0, waiting);
      this.callNext();
    });
  }

  private callNext(): void {
    while (this.leaving < this.most) {
      const next = this.waiting.shift();
      if (!next) break;
      this.leaving += 1;
      next.go();
    }
    this.tellPlaces();
  }

  private tellPlaces(): void {
    for (const [index, { placed }] of this.waiting.entries()) placed(index + 1);
  }
}

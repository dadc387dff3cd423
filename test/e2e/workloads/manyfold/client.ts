import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface, type Interface } from 'node:readline';

/** What manyfold.py answers to one check. */
export interface ManyfoldReport {
  readonly ok: boolean;
  /** `ok` or what is wrong, by what was checked. */
  readonly checks: Readonly<Record<string, string>>;
  /** Grows for ever; a smaller one than before means that an older state was restored. */
  readonly counter: number;
  /** Checks so far, this one included. */
  readonly checked: number;
  readonly pid: number;
}

/** A connection to manyfold.py that stays open over moves and is never made again. */
export class ManyfoldClient {
  private readonly socket: Socket;
  private readonly lines: Interface;
  private last: ManyfoldReport | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.lines = createInterface({ input: socket });
    // The reader sees the end; an error without a listener would end the process instead.
    socket.on('error', () => undefined);
  }

  static async open(host: string, port: number): Promise<ManyfoldClient> {
    const socket = connect({ host, port, noDelay: true });
    await once(socket, 'connect');
    return new ManyfoldClient(socket);
  }

  /**
   * Lets the workload verify everything, and compares with the report before: same process, no check forgotten, no
   * counter that steps back. @throws Error when the connection is lost or nothing comes within `timeoutMs`
   */
  async check(timeoutMs = 60_000): Promise<ManyfoldReport> {
    this.socket.write('check\n');
    const signal = AbortSignal.timeout(timeoutMs);
    const line = await Promise.race([
      once(this.lines, 'line', { signal }),
      once(this.lines, 'close', { signal }).then(() => Promise.reject(new Error('closed'))),
    ]).catch((error: Error) => {
      throw new Error(`connection to manyfold lost: ${error.message}`);
    });
    const report = JSON.parse(String(line[0])) as ManyfoldReport;
    const stepped = steppedBack(this.last, report);
    this.last = report;
    return stepped === undefined
      ? report
      : { ...report, ok: false, checks: { ...report.checks, history: stepped } };
  }

  close(): void {
    this.lines.close();
    this.socket.destroy();
  }
}

function steppedBack(before: ManyfoldReport | undefined, now: ManyfoldReport): string | undefined {
  if (!before) return undefined;
  if (now.pid !== before.pid) return `pid ${now.pid} instead of ${before.pid}`;
  if (now.counter <= before.counter) return `counter ${now.counter} after ${before.counter}`;
  return now.checked <= before.checked ? `check number ${now.checked} after ${before.checked}` : undefined;
}

import type { Logger } from 'pino';
import type { Runner } from '../effects/runner.ts';
import { type FaultTools, strike } from './actions.ts';
import type { Fault } from './parse.ts';
import type { FaultPoint } from './points.ts';

/** Makes a move fail where somebody asked for it, in labs and tests. */
export interface Faults {
  /** Called by a move that comes by; resolves when it may go on, which after some faults is never. */
  at(point: FaultPoint, job: string): Promise<void> | undefined;
}

/** What an agent has whom nobody asked for faults. */
export const NO_FAULTS: Faults = { at: () => undefined };

export interface FaultsOptions {
  readonly runner: Runner;
  readonly log: Logger;
  readonly runDir: string;
  readonly dataPort: number;
  /** Ports of the NATS servers this agent connects to. */
  readonly busPorts: readonly number[];
}

/** Each fault strikes once. */
export function createFaults(faults: readonly Fault[], options: FaultsOptions): Faults {
  if (faults.length === 0) return NO_FAULTS;
  const { log, ...tools } = options;
  log.warn({ faults }, 'this agent was asked to fail');
  return new AskedFaults(faults, log, tools);
}

class AskedFaults implements Faults {
  private readonly pending: Set<Fault>;
  private readonly log: Logger;
  private readonly tools: FaultTools;

  constructor(faults: readonly Fault[], log: Logger, tools: FaultTools) {
    this.pending = new Set(faults);
    this.log = log;
    this.tools = tools;
  }

  async at(point: FaultPoint, job: string): Promise<void> {
    for (const fault of this.pending) {
      if (fault.point !== point) continue;
      this.pending.delete(fault);
      // Tests look for this line.
      this.log.warn({ job, fault: `${point}:${fault.action}` }, 'a fault strikes');
      await strike(fault, job, this.tools);
    }
  }
}

import type { CasAnswer, Move } from '../../../protocol/mod.ts';
import { hostFailed } from '../../host/failure.ts';
import type { Agent } from '../agent.ts';
import { type MovingRecord, withoutJob } from '../moving-record.ts';
import type { ArrivingCopy } from './words.ts';

/** What the target makes of a container that the record gave it: its own, step by step. */
export class Tenancy {
  private readonly agent: Agent;
  private readonly move: Move;
  private readonly record: MovingRecord;
  private readonly copy: ArrivingCopy;

  constructor(agent: Agent, move: Move, record: MovingRecord, copy: ArrivingCopy) {
    this.agent = agent;
    this.move = move;
    this.record = record;
    this.copy = copy;
  }

  /** The tasks run. With pages on their way the record says so. @throws GodwitError RECORD_CONFLICT */
  async begin(pagesFollow: boolean): Promise<void> {
    await this.take();
    if (!pagesFollow) return;
    const { containers } = this.agent;
    await containers.adopt(await this.record.become((record) => ({ ...record, phase: 'filling' })));
  }

  /** The runtime owns the tasks, also when it stumbles, for they run here. */
  async take(): Promise<void> {
    const { agent, move, copy } = this;
    await copy.taken().catch((error: unknown) => {
      agent.log.error(
        { job: move.job, err: error },
        'the container runs, but the runtime did not take it over',
      );
    });
  }

  /** Every page is on this node: it answers for the container alone from here on. @throws GodwitError RECORD_CONFLICT */
  async close(): Promise<void> {
    await this.agent.containers.adopt(await this.record.become(withoutJob));
  }

  /** An operator took the record out of the move: it is answered for as it is. */
  async settle(): Promise<void> {
    await this.agent.containers.adopt(await this.record.known());
  }

  /** The source's again, once nothing of the copy is left here. @throws GodwitError HOST_FAILED while a task of it is */
  async handBack(): Promise<CasAnswer> {
    const { container } = this.move;
    const { pid } = await this.agent.runtime.status(container);
    if (pid !== undefined) throw hostFailed(`giving '${container}' back`, `task ${pid} of the copy is here`);
    return this.record.handBack();
  }

  /** It must never run on missing pages. @throws GodwitError HOST_FAILED, RECORD_CONFLICT */
  async lose(): Promise<void> {
    await this.copy.freezeForGood();
    await this.agent.containers.adopt(await this.record.become((record) => ({ ...record, phase: 'lost' })));
  }
}

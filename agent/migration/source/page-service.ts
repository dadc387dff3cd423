import { innerPids } from '../../host/inner-pids.ts';
import type { CgroupPaths } from '../../runtime/runtime.ts';
import { PageService, TaskMemory } from '../../transfer/pages/mod.ts';
import type { DataStream, Meter } from '../../transfer/stream.ts';
import type { Agent } from '../agent.ts';

/** What is needed to hand out the pages of a frozen container: plain facts, which an agent that restarts has in a file. */
export interface PagesRequest {
  readonly job: string;
  /** What the target opens its streams with; it was told in `prepare`. */
  readonly token: string;
  /** The container's, frozen: its tasks are found there, and their pids as the images have them. */
  readonly cgroup: CgroupPaths;
  /** Counts and limits what is sent. */
  readonly meter: Meter;
}

export interface ServedPages {
  /** The tasks' memory, opened now if no request has come yet. @throws GodwitError HOST_FAILED */
  memory(): Promise<TaskMemory>;
  /** Ends the target's streams; no pages are handed out any more. */
  close(): Promise<void>;
}

interface Opened {
  readonly memory: TaskMemory;
  readonly service: PageService;
}

/**
 * Hands out the memory of frozen tasks to the target of a job, over any number of connections, until it is closed. At once
 * when called, without a look at the tasks: an agent that restarts has to call this before its data port settles
 * (DataPort.settle), else the target is told that the pages are gone and gives the container up.
 * @throws GodwitError TRANSFER_FAILED when the job is known to the data port already
 */
export function servePages(agent: Agent, { job, token, cgroup, meter }: PagesRequest): ServedPages {
  let opened: Promise<Opened> | undefined;
  const open = async (): Promise<Opened> => {
    const memory = await TaskMemory.open(await innerPids(cgroup));
    return { memory, service: new PageService({ memory, meter, log: agent.log }) };
  };
  const ready = (): Promise<Opened> => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  const take = async (stream: DataStream): Promise<void> => {
    try {
      (await ready()).service.take(stream);
    } catch (error) {
      agent.log.error({ job, err: error }, 'the memory of the frozen tasks cannot be opened');
      stream.destroy(error as Error);
    }
  };
  const closing = new AbortController();
  const serve = async (): Promise<void> => {
    for (;;) await take(await agent.data.acceptNext(job, 'lazy', closing.signal));
  };
  agent.data.permit(job, token);
  serve().catch(() => {});
  return {
    memory: async () => (await ready()).memory,
    close: async () => {
      closing.abort(new Error('no pages are needed any more'));
      agent.data.forbid(job, 'no pages are needed any more');
      await opened?.then(({ service }) => service.close()).catch(() => {});
    },
  };
}

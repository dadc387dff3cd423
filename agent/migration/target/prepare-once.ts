import type { PrepareReply, PrepareRequest } from '../../../protocol/mod.ts';

type Answer = Omit<PrepareReply, 'type'>;

interface Known {
  /** What the source shows in this question only, however often it asks it. */
  readonly token: string;
  readonly answer: Promise<Answer>;
  pending: boolean;
}

/**
 * A source whose answer got lost asks again (source/ask-target.ts): the same question has the same answer, and one reservation. A move
 * that begins anew is another question of the same job: it waits until the reservation before is given up, for its source may not have
 * waited for that.
 * @param reservation of a job, while there is one: resolves when nothing is left of it
 * @param prepare what a first question does; a dry run is one each time
 */
export function prepareOnce(
  reservation: (job: string) => Promise<unknown> | undefined,
  prepare: (request: PrepareRequest) => Promise<Answer>,
): (request: PrepareRequest) => Promise<Answer> {
  const answers = new Map<string, Known>();
  const afterwards = async (before: Known, request: PrepareRequest) => {
    // Without an answer there is nothing to give up.
    await before.answer.then(
      () => reservation(request.job),
      () => {},
    );
    return prepare(request);
  };
  return (request) => {
    if (request.dryRun) return prepare(request);
    for (const [job, { pending }] of answers) if (!pending && !reservation(job)) answers.delete(job);
    const { job, pages } = request;
    const before = answers.get(job);
    if (before?.token === pages.token) return before.answer;
    const answer = before ? afterwards(before, request) : prepare(request);
    const known: Known = { token: pages.token, answer, pending: true };
    answers.set(job, known);
    const settled = () => {
      known.pending = false;
    };
    answer.then(settled, settled);
    return answer;
  };
}

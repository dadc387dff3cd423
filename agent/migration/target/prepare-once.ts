import type { PrepareReply, PrepareRequest } from '../../../protocol/mod.ts';

type Answer = Omit<PrepareReply, 'type'>;

/**
 * A source whose answer got lost asks again (source/ask-target.ts): the same job has the same answer, and one reservation, until
 * that is given up. A move that begins anew, without rounds, asks anew.
 * @param isReserved whether this job has a reservation here
 * @param prepare what a first question does; a dry run is one each time
 */
export function prepareOnce(
  isReserved: (job: string) => boolean,
  prepare: (request: PrepareRequest) => Promise<Answer>,
): (request: PrepareRequest) => Promise<Answer> {
  const answers = new Map<string, { readonly answer: Promise<Answer>; pending: boolean }>();
  return (request) => {
    for (const [job, { pending }] of answers) if (!pending && !isReserved(job)) answers.delete(job);
    const known = answers.get(request.job);
    if (known && !request.dryRun) return known.answer;
    const answer = prepare(request);
    if (request.dryRun) return answer;
    const entry = { answer, pending: true };
    answers.set(request.job, entry);
    const settled = () => {
      entry.pending = false;
    };
    answer.then(settled, settled);
    return answer;
  };
}

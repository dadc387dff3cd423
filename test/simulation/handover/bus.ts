import { GodwitError } from '../../../protocol/mod.ts';
import type { Life } from './life.ts';
import { JOB } from './names.ts';
import type { SimNode } from './node.ts';
import type { Place } from './weather.ts';
import type { World } from './world.ts';

const OF_JOBS = ['report', 'resolve', 'job-info'];

/** Nobody listens: what that means depends on what was asked. */
function nobody(verb: string, { place }: SimNode): GodwitError {
  if (OF_JOBS.includes(verb)) return new GodwitError('JOB_NOT_FOUND', { job: JOB });
  return new GodwitError('NODE_NOT_FOUND', { node: place });
}

/**
 * One request over the bus: lost, late, twice, with a reply that is lost, or to nobody.
 * @throws GodwitError BUS_TIMEOUT, NODE_NOT_FOUND, or what the other side answered
 */
export function request(
  world: World,
  from: { readonly place: Place; readonly life: Life },
  to: SimNode,
  message: { readonly verb: string; readonly body: unknown; readonly timeoutMs: number },
): Promise<unknown> {
  const { chance, weather, timeline } = world;
  const { place, life } = from;
  const { verb, body, timeoutMs } = message;
  return new Promise((resolve, reject) => {
    life.after(timeoutMs, () => reject(new GodwitError('BUS_TIMEOUT', { subject: verb, timeoutMs })));
    const deliver = (): void => {
      if (!weather.reaches(place, to.place)) return;
      const { life: receiver } = to;
      if (!receiver || !to.serves) {
        life.after(weather.latencyMs(), () => reject(nobody(verb, to)));
        return;
      }
      receiver.now(() => {
        world.note(to.place, () => `hears ${verb} from ${place}`);
        to.handle(verb, body).then(
          (reply) => answer(() => resolve(reply)),
          (error: unknown) => answer(() => reject(error)),
        );
      });
    };
    const answer = (arrive: () => void): void => {
      if (weather.reaches(to.place, place) && !chance.hits(weather.loss))
        life.after(weather.latencyMs(), arrive);
    };
    if (!weather.reaches(place, to.place) || chance.hits(weather.loss)) return;
    timeline.at(weather.latencyMs(), deliver);
    if (chance.hits(weather.twice)) timeline.at(weather.latencyMs() + weather.longMs(), deliver);
  });
}

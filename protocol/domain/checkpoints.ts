import { LIMITS } from '../limits.ts';
import { defined } from './defined.ts';
import { attributesOf, checkEmpty, offsetOf } from './element.ts';
import { empty } from './lines.ts';
import type { Problems } from './problems.ts';
import type { CheckpointSchedule } from './spec.ts';
import type { XmlElement } from './tree.ts';
import { readChoice, readDurationMs, readInteger } from './values.ts';

const KEPT = { min: 1, max: LIMITS.checkpointsKept };

/**
 * `<checkpoints every='1h' keep='24' max-age='7d' directories='no'/>`: when the running container is put into the store, for how long, and
 * whether directories with policy `copy` are in it.
 */
export function readCheckpoints(element: XmlElement, problems: Problems): CheckpointSchedule {
  checkEmpty(element, problems);
  const wanted = { required: ['every'], optional: ['keep', 'max-age', 'directories'] } as const;
  const { every, keep, 'max-age': maxAge, directories = 'yes' } = attributesOf(element, wanted, problems);
  const duration = (raw: string, name: 'every' | 'max-age', mostMs: number) => {
    const at = offsetOf(element, name);
    const ms = readDurationMs(raw, name, at, problems, mostMs);
    if (/^0+[a-z]+$/.test(raw.trim())) problems.refuse(at, `${name} cannot be zero`);
    return ms;
  };
  const at = offsetOf(element, 'directories');
  const isWith = readChoice(directories, ['yes', 'no'], 'directories', at, problems) === 'yes';
  return {
    everyMs: every === '' ? 1 : duration(every, 'every', LIMITS.checkpointEveryMs),
    ...defined({
      keep:
        keep === undefined ? undefined : readInteger(keep, 'keep', KEPT, offsetOf(element, 'keep'), problems),
      maxAgeMs: maxAge === undefined ? undefined : duration(maxAge, 'max-age', LIMITS.checkpointAgeMs),
      directories: isWith ? undefined : (false as const),
    }),
  };
}

/** The same as it is written. */
export function checkpointLines(indent: number, schedule: CheckpointSchedule | undefined): string[] {
  if (!schedule) return [];
  const { everyMs, keep, maxAgeMs, directories } = schedule;
  const maxAge = maxAgeMs === undefined ? undefined : `${maxAgeMs}ms`;
  const without = directories === false ? 'no' : undefined;
  const values = { every: `${everyMs}ms`, keep, 'max-age': maxAge, directories: without };
  return [empty(indent, 'godwit:checkpoints', values)];
}

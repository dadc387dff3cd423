import { LIMITS } from '../limits.ts';
import { defined } from './defined.ts';
import { attributesOf, checkEmpty, offsetOf } from './element.ts';
import { empty } from './lines.ts';
import type { Problems } from './problems.ts';
import type { CheckpointSchedule } from './spec.ts';
import type { XmlElement } from './tree.ts';
import { readDurationMs, readInteger } from './values.ts';

const KEPT = { min: 1, max: LIMITS.checkpointsKept };

/** `<checkpoints every='1h' keep='24' max-age='7d'/>`: when the running container is put into the store, and for how long. */
export function readCheckpoints(element: XmlElement, problems: Problems): CheckpointSchedule {
  checkEmpty(element, problems);
  const wanted = { required: ['every'], optional: ['keep', 'max-age'] } as const;
  const { every, keep, 'max-age': maxAge } = attributesOf(element, wanted, problems);
  const duration = (raw: string, name: 'every' | 'max-age', mostMs: number) => {
    const at = offsetOf(element, name);
    const ms = readDurationMs(raw, name, at, problems, mostMs);
    if (/^0+[a-z]+$/.test(raw.trim())) problems.refuse(at, `${name} cannot be zero`);
    return ms;
  };
  return {
    everyMs: every === '' ? 1 : duration(every, 'every', LIMITS.checkpointEveryMs),
    ...defined({
      keep:
        keep === undefined ? undefined : readInteger(keep, 'keep', KEPT, offsetOf(element, 'keep'), problems),
      maxAgeMs: maxAge === undefined ? undefined : duration(maxAge, 'max-age', LIMITS.checkpointAgeMs),
    }),
  };
}

/** The same as it is written. */
export function checkpointLines(indent: number, schedule: CheckpointSchedule | undefined): string[] {
  if (!schedule) return [];
  const { everyMs, keep, maxAgeMs } = schedule;
  const maxAge = maxAgeMs === undefined ? undefined : `${maxAgeMs}ms`;
  return [empty(indent, 'godwit:checkpoints', { every: `${everyMs}ms`, keep, 'max-age': maxAge })];
}

import { sampleRecord } from '../../../agent/testing/fake-records.ts';
import type { ContainerRecord } from '../../../protocol/mod.ts';

/** The one job and the one container there are. */
export const JOB = 'j1';
export const CONTAINER = 'web';

/** Where every run begins. Its description can be read: an agent reads it when it answers for a container. */
export const RECORD: ContainerRecord = sampleRecord({ name: CONTAINER, owner: 'S', epoch: 4 });

import { checkToken, toToken } from './names.ts';

/** Verbs a node answers on its own subject. */
export const NODE_VERBS = [
  'info',
  'bid',
  'jobs',
  'prepare',
  'switch',
  'commit',
  'abort',
  'define',
  'doctor',
  'cordon',
  'evacuate',
  'balance',
  'uncordon',
  'restore',
  'checkpoints',
  'checkpoint-verify',
  'checkpoint-delete',
  'checkpoint-prune',
] as const;
/** Verbs that only the owner of a container answers. */
export const CONTAINER_VERBS = [
  'info',
  'start',
  'stop',
  'suspend',
  'resume',
  'migrate',
  'checkpoint',
  'hand-over',
  'auction',
  'undefine',
  'rename',
  'exec',
  'exec-open',
  'exec-read',
  'exec-write',
  'prepare-rootfs',
  'resolve',
] as const;
/** Verbs the node that runs a job answers; `report` and `remark` are the target's way to tell the source. */
export const JOB_VERBS = ['info', 'abort', 'set', 'report', 'remark', 'resolve'] as const;
/** Questions that every node answers (scatter, never a queue group). */
export const ALL_VERBS = ['info', 'jobs'] as const;

export type NodeVerb = (typeof NODE_VERBS)[number];
export type ContainerVerb = (typeof CONTAINER_VERBS)[number];
export type JobVerb = (typeof JOB_VERBS)[number];
export type AllVerb = (typeof ALL_VERBS)[number];

export type Subjects = ReturnType<typeof subjects>;

/**
 * All subjects of one cluster (DESIGN section 4): `godwit.v1.<cluster>.…`. Names are checked and escaped here,
 * so no other place builds a subject by hand.
 * @throws GodwitError NAME_INVALID from any builder
 */
export function subjects(cluster: string) {
  const prefix = `godwit.v1.${checkToken(cluster, 'cluster name')}`;
  return {
    prefix,
    announce: (node: string) => `${prefix}.announce.${checkToken(node)}`,
    announceAll: `${prefix}.announce.*`,
    node: (node: string, verb: NodeVerb) => `${prefix}.node.${checkToken(node)}.${verb}`,
    container: (name: string, verb: ContainerVerb) => `${prefix}.container.${toToken(name)}.${verb}`,
    containerAny: (name: string) => `${prefix}.container.${toToken(name)}.*`,
    auction: `${prefix}.auction`,
    award: `${prefix}.award`,
    all: (verb: AllVerb) => `${prefix}.all.${verb}`,
    job: (job: string, verb: JobVerb) => `${prefix}.job.${checkToken(job, 'job id')}.${verb}`,
    jobAny: (job: string) => `${prefix}.job.${checkToken(job, 'job id')}.*`,
    event: (topic: string, id: string) =>
      `${prefix}.event.${checkToken(topic, 'event topic')}.${toToken(id)}`,
    eventTopic: (topic: string) => `${prefix}.event.${checkToken(topic, 'event topic')}.*`,
    eventAll: `${prefix}.event.>`,
    eventStream: `GODWIT_EVENTS_${cluster}`,
    recordBucket: `godwit_${cluster}_containers`,
    leaseBucket: `godwit_${cluster}_leases`,
  };
}

/** The last token of a subject: the verb of a request. */
export function verbOf(subject: string): string {
  return subject.slice(subject.lastIndexOf('.') + 1);
}

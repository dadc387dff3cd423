import type { z } from 'zod';
import {
  Capabilities,
  ContainerDigest,
  ContainerInfo,
  DoctorReply,
  Job,
  MigrateReply,
  NodeInfo,
} from '../../protocol/mod.ts';

type Part<Schema extends z.ZodType> = Partial<z.input<Schema>>;

/** Valid messages for tests; each takes what shall differ and is checked against its schema. */
export function capabilities(part: Part<typeof Capabilities> = {}) {
  return Capabilities.parse({
    arch: 'x86_64',
    kernel: '6.18.1',
    criu: '4.2.1',
    lxc: '7.0.0',
    cgroup: 'v1',
    features: { 'uffd-noncoop': true, mem_dirty_track: false },
    cpus: 2,
    memoryBytes: 8_589_934_592,
    ...part,
  });
}

export function container(part: Part<typeof ContainerDigest> = {}) {
  return ContainerDigest.parse({
    name: 'web',
    uuid: '6f1b6f0e-6a6e-4a53-9a52-0d1f6a1f6b01',
    owner: 'n1',
    epoch: 3,
    phase: 'running',
    state: 'running',
    pid: 4_242,
    memoryBytes: 262_144_000,
    memoryLimitBytes: 536_870_912,
    addresses: ['10.77.1.5/16'],
    ...part,
  });
}

export function containerInfo(part: Part<typeof ContainerInfo> = {}) {
  return ContainerInfo.parse({
    type: 'io.godwit.v1.container.info',
    container: container(),
    xml: "<domain type='lxc'>\n  <name>web</name>\n</domain>",
    revision: 17,
    limits: { 'memory.limit_in_bytes': 536_870_912 },
    ...part,
  });
}

export function nodeInfo(node: string, part: Part<typeof NodeInfo> = {}) {
  return NodeInfo.parse({
    type: 'io.godwit.v1.node.info',
    node,
    cluster: 'lab',
    version: '0.1.0',
    state: 'up',
    address: '10.77.0.11',
    dataPort: 7433,
    startedAtMs: 1_000_000,
    nowMs: 1_065_000,
    incarnation: 'abc',
    capabilities: capabilities(),
    memoryAvailableBytes: 4_294_967_296,
    containers: [],
    ...part,
  });
}

export function job(part: Part<typeof Job> = {}) {
  return Job.parse({
    type: 'io.godwit.v1.job',
    job: 'j1',
    kind: 'migrate',
    container: 'web',
    node: 'n1',
    source: 'n1',
    target: 'n2',
    mode: 'postcopy',
    modeReason: 'lowest predicted downtime',
    state: 'running',
    startedAtMs: 1_700_000_000_000,
    progress: {
      phase: 'dump',
      bytes: 1_048_576,
      totalBytes: 4_194_304,
      rateBytesPerSecond: 123_731_968,
      etaMs: 2_000,
    },
    phases: [{ name: 'preflight', node: 'n1', startMs: 1_700_000_000_005, endMs: 1_700_000_000_020 }],
    rounds: [],
    bytes: { memory: 1_048_576, images: 0, rootfs: 0 },
    ...part,
  });
}

/** The same job, ended. */
export function endedJob(outcome: NonNullable<z.input<typeof Job>['outcome']>, part: Part<typeof Job> = {}) {
  return job({
    state: 'ended',
    outcome,
    endedAtMs: 1_700_000_003_200,
    freezeMs: 210,
    downtimeMs: 240,
    exposureMs: 1_100,
    totalMs: 3_200,
    bytes: { memory: 268_435_456, images: 1_153_434, rootfs: 0 },
    ...part,
  });
}

export function migrateReply(part: Part<typeof MigrateReply> = {}) {
  return MigrateReply.parse({
    type: 'io.godwit.v1.container.migrate',
    container: 'web',
    source: 'n1',
    target: 'n2',
    mode: 'postcopy',
    modeReason: 'lowest predicted downtime',
    job: 'j1',
    ...part,
  });
}

export function preflight(part: Partial<NonNullable<z.input<typeof MigrateReply>['preflight']>> = {}) {
  return {
    source: capabilities(),
    target: capabilities({ criu: '4.2.0' }),
    refusals: [],
    predictedDowntimeMs: 240,
    predictedExposureMs: 1_500,
    memoryBytes: 262_144_000,
    ...part,
  };
}

export function doctorReply(node: string, failed = false) {
  return DoctorReply.parse({
    type: 'io.godwit.v1.node.doctor',
    node,
    checks: [
      { name: 'criu', status: 'ok', message: 'criu 4.2.1', durationMs: 12 },
      { name: 'dirty tracking', status: 'warning', message: 'not there', hint: 'no pre-copy', durationMs: 3 },
      ...(failed
        ? [
            {
              name: 'lazy restore',
              status: 'failed' as const,
              message: 'exit 1',
              hint: 'raise it',
              durationMs: 88,
            },
          ]
        : []),
    ],
  });
}

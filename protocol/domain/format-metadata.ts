import { checkpointLines } from './checkpoints.ts';
import { around, empty, nested } from './lines.ts';
import { placementAttributes } from './placement.ts';
import type { DomainSpec, PolicySpec } from './spec.ts';
import { DOMAIN_NAMESPACE } from './tree.ts';
import { volumeLines } from './volumes.ts';

/** `<metadata>`: godwit's settings, and the elements of other applications as they came. */
export function metadataLines({ policy, includes = [], lxc = [], metadata = [] }: DomainSpec): string[] {
  return around(1, 'metadata', [
    ...nested(2, 'godwit:settings', { 'xmlns:godwit': DOMAIN_NAMESPACE }, [
      empty(3, 'godwit:migration', migration(policy)),
      ...volumeLines(3, policy),
      ...lifecycle(policy),
      ...checkpointLines(3, policy.checkpoints),
      ...(policy.placement ? [empty(3, 'godwit:placement', placementAttributes(policy.placement))] : []),
      ...around(3, 'godwit:lxc', [
        ...includes.map((file) => empty(4, 'godwit:include', { file })),
        ...lxc.map(({ key, value }) => empty(4, 'godwit:set', { key, value })),
      ]),
    ]),
    ...metadata.map((element) => `    ${element}`),
  ]);
}

function lifecycle({ autostart, restart }: PolicySpec): string[] {
  const yes = (set: true | undefined) => (set ? 'yes' : undefined);
  if (!autostart && !restart) return [];
  return [empty(3, 'godwit:lifecycle', { autostart: yes(autostart), restart: yes(restart) })];
}

function migration(policy: PolicySpec): Readonly<Record<string, string | number | undefined>> {
  const { mode, iterations, maxDowntimeMs, maxExposureMs, onNonconverge } = policy;
  const time = (ms: number | undefined) => (ms === undefined ? undefined : `${ms}ms`);
  return {
    mode,
    iterations,
    'max-downtime': time(maxDowntimeMs),
    'max-exposure': time(maxExposureMs),
    'on-nonconverge': onNonconverge,
  };
}

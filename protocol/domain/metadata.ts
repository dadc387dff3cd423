import { RequestedMode } from '../job.ts';
import { LIMITS } from '../limits.ts';
import { attributesOf, checkEmpty, childrenOf, offsetOf } from './element.ts';
import type { Problems } from './problems.ts';
import type { PolicySpec } from './spec.ts';
import type { XmlElement } from './tree.ts';
import { readChoice, readDurationMs, readInteger } from './values.ts';

const ROUNDS = { min: 0, max: LIMITS.roundsMax };
const MIGRATION = ['mode', 'iterations', 'max-downtime', 'max-exposure', 'on-nonconverge'] as const;
const DEFAULTS: PolicySpec = { mode: 'auto', rootfs: 'shared' };

/**
 * Reads godwit's own settings: one `<settings>` in godwit's namespace (libvirt wants one element a namespace). Other
 * applications' metadata is refused, for godwit would lose it.
 */
export function readPolicy(metadata: XmlElement | undefined, problems: Problems): PolicySpec {
  if (!metadata) return DEFAULTS;
  attributesOf(metadata, {}, problems);
  const [settings] = childrenOf(metadata, { 'godwit:settings': 'one' }, problems)['godwit:settings'];
  if (!settings) return DEFAULTS;
  attributesOf(settings, {}, problems);
  const children = childrenOf(settings, { 'godwit:migration': 'one', 'godwit:rootfs': 'one' }, problems);
  for (const rootfs of children['godwit:rootfs']) {
    const { policy } = attributesOf(rootfs, { required: ['policy'] }, problems);
    if (policy !== '')
      readChoice(policy, ['shared'], 'the rootfs policy', offsetOf(rootfs, 'policy'), problems);
    checkEmpty(rootfs, problems);
  }
  const [migration] = children['godwit:migration'];
  return migration ? { ...DEFAULTS, ...readMigration(migration, problems) } : DEFAULTS;
}

function readMigration(element: XmlElement, problems: Problems): Omit<PolicySpec, 'rootfs'> {
  checkEmpty(element, problems);
  const values = attributesOf(element, { optional: MIGRATION }, problems);
  const at = (name: (typeof MIGRATION)[number]) => offsetOf(element, name);
  const { iterations, 'max-downtime': downtime, 'max-exposure': exposure, 'on-nonconverge': policy } = values;
  return {
    mode: readChoice(
      values.mode ?? 'auto',
      ['auto', ...RequestedMode.options.filter((mode) => mode !== 'auto')],
      'the mode',
      at('mode'),
      problems,
    ),
    ...(iterations === undefined
      ? {}
      : {
          iterations:
            iterations.trim() === 'dynamic'
              ? ('dynamic' as const)
              : readInteger(
                  iterations,
                  'iterations (a number, or dynamic)',
                  ROUNDS,
                  at('iterations'),
                  problems,
                ),
        }),
    ...(downtime === undefined
      ? {}
      : { maxDowntimeMs: readDowntimeMs(downtime, at('max-downtime'), problems) }),
    ...(exposure === undefined
      ? {}
      : { maxExposureMs: readDurationMs(exposure, 'max-exposure', at('max-exposure'), problems) }),
    ...(policy === undefined
      ? {}
      : {
          onNonconverge: readChoice(
            policy,
            ['cutover', 'abort', 'postcopy', 'throttle'],
            'on-nonconverge',
            at('on-nonconverge'),
            problems,
          ),
        }),
  };
}

function readDowntimeMs(raw: string, at: number, problems: Problems): number {
  const ms = readDurationMs(raw, 'max-downtime', at, problems);
  if (/^0+[a-z]+$/.test(raw.trim())) problems.refuse(at, 'max-downtime cannot be zero');
  return ms;
}

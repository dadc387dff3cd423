import { RequestedMode } from '../job.ts';
import { LIMITS } from '../limits.ts';
import { readCheckpoints } from './checkpoints.ts';
import { defined } from './defined.ts';
import { attributesOf, checkEmpty, childrenOf, offsetOf, plainText } from './element.ts';
import { readForeign } from './foreign.ts';
import { readLxc } from './lxc-settings.ts';
import { readPlacement } from './placement.ts';
import { type Problems, quote } from './problems.ts';
import type { DomainSpec, PolicySpec } from './spec.ts';
import type { XmlElement } from './tree.ts';
import { readChoice, readDurationMs, readInteger, readPath } from './values.ts';
import { readRootfs, readVolume } from './volumes.ts';

const ROUNDS = { min: 0, max: LIMITS.roundsMax };
const MIGRATION = ['mode', 'iterations', 'max-downtime', 'max-exposure', 'on-nonconverge'] as const;
const DEFAULTS: PolicySpec = { mode: 'auto', rootfs: 'shared' };
const SETTINGS = {
  'godwit:migration': 'one',
  'godwit:rootfs': 'one',
  'godwit:volume': 'many',
  'godwit:lifecycle': 'one',
  'godwit:checkpoints': 'one',
  'godwit:placement': 'one',
  'godwit:lxc': 'one',
} as const;

type Metadata = Pick<DomainSpec, 'policy' | 'includes' | 'lxc' | 'metadata'>;

/**
 * Reads `<metadata>`: godwit's own settings, one `<settings>` in godwit's namespace (libvirt wants one element a
 * namespace), what the lxctools driver of libvirt had there, and the elements of other applications, which are kept.
 */
export function readMetadata(metadata: XmlElement | undefined, problems: Problems): Metadata {
  if (!metadata) return { policy: DEFAULTS };
  attributesOf(metadata, {}, problems);
  if (metadata.text.trim() !== '')
    problems.refuse(
      metadata.offset,
      `text ${quote(metadata.text.trim())} in <metadata>, which holds elements`,
    );
  const of = (test: (name: string) => boolean) => metadata.children.filter(({ name }) => test(name));
  const settings = of((name) => name === 'godwit:settings');
  const lxctools = metadata.children.filter(({ tag }) => tag.startsWith('lxctools:'));
  const others = of((name) => name !== 'godwit:settings').filter((one) => !lxctools.includes(one));
  for (const extra of settings.slice(1))
    problems.refuse(extra.offset, `a second <${extra.tag}> in <metadata>`);
  const kept = others.map((one) => readForeign(one, problems));
  checkNamespaces(others, problems);
  const older = readLxctools(lxctools, problems);
  const { policy, ...lxc } = settings[0] ? readSettings(settings[0], problems) : { policy: DEFAULTS };
  const includes = [...(older.includes ?? []), ...(lxc.includes ?? [])];
  return {
    policy: older.iterations === undefined ? policy : { iterations: older.iterations, ...policy },
    ...lxc,
    ...(includes.length === 0 ? {} : { includes }),
    ...(kept.length === 0 ? {} : { metadata: kept }),
  };
}

/** libvirt: one element for each namespace. */
function checkNamespaces(elements: readonly XmlElement[], problems: Problems): void {
  const seen = new Set<string>();
  for (const element of elements) {
    const space = element.name.slice(0, element.name.lastIndexOf('}'));
    if (space !== '' && seen.has(space))
      problems.refuse(
        element.offset,
        `a second element of the namespace ${quote(space.slice(1))} in <metadata>`,
      );
    seen.add(space);
  }
}

/** What the lxctools driver knows: a file of settings, and the number of pre-dumps. */
function readLxctools(
  elements: readonly XmlElement[],
  problems: Problems,
): { readonly includes?: readonly string[]; readonly iterations?: number } {
  const includes: string[] = [];
  let iterations: number | undefined;
  for (const element of elements) {
    const text = plainText(element, problems).trim();
    if (element.tag === 'lxctools:include')
      includes.push(readPath(text, 'the file', element.offset, problems));
    else if (element.tag === 'lxctools:livemigration-iterations')
      iterations = readInteger(text, `<${element.tag}>`, ROUNDS, element.offset, problems);
    else problems.refuse(element.offset, `<${element.tag.slice(0, 60)}> in <metadata> cannot be honoured`);
  }
  return { ...(includes.length === 0 ? {} : { includes }), ...defined({ iterations }) };
}

function readSettings(settings: XmlElement, problems: Problems): Omit<Metadata, 'metadata'> {
  attributesOf(settings, {}, problems);
  const children = childrenOf(settings, SETTINGS, problems);
  const [rootfs] = children['godwit:rootfs'];
  const [migration] = children['godwit:migration'];
  const [lxc] = children['godwit:lxc'];
  const [lifecycle] = children['godwit:lifecycle'];
  const [checkpoints] = children['godwit:checkpoints'];
  const [placement] = children['godwit:placement'];
  const volumes = children['godwit:volume'];
  const extra = volumes[LIMITS.filesystems];
  if (extra) problems.refuse(extra.offset, `more than ${LIMITS.filesystems} <${extra.tag}> elements`);
  return {
    policy: {
      ...DEFAULTS,
      ...(rootfs ? readRootfs(rootfs, problems) : {}),
      ...(volumes.length > 0 ? { volumes: volumes.map((volume) => readVolume(volume, problems)) } : {}),
      ...(migration ? readMigration(migration, problems) : {}),
      ...(lifecycle ? readLifecycle(lifecycle, problems) : {}),
      ...(checkpoints ? { checkpoints: readCheckpoints(checkpoints, problems) } : {}),
      ...(placement ? { placement: readPlacement(placement, problems) } : {}),
    },
    ...(lxc ? readLxc(lxc, problems) : {}),
  };
}

/** Who starts the container, besides an operator. */
function readLifecycle(element: XmlElement, problems: Problems): Pick<PolicySpec, 'autostart' | 'restart'> {
  checkEmpty(element, problems);
  const values = attributesOf(element, { optional: ['autostart', 'restart'] }, problems);
  const is = (name: 'autostart' | 'restart') =>
    readChoice(values[name] ?? 'no', ['no', 'yes'], name, offsetOf(element, name), problems) === 'yes';
  return { ...(is('autostart') ? { autostart: true } : {}), ...(is('restart') ? { restart: true } : {}) };
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

import { attributesOf, checkEmpty, offsetOf } from './element.ts';
import { empty } from './lines.ts';
import { type Problems, quote } from './problems.ts';
import type { DomainSpec, PolicySpec, VolumeSpec } from './spec.ts';
import type { XmlElement } from './tree.ts';
import { readChoice, readPath } from './values.ts';

/** What overlayfs' own list of options separates by, and escapes with. */
const OVERLAY_SPECIAL = /[:,\\]/;

/** How the root file system gets to another node, what it is laid over, and what stays where it was. */
export function readRootfs(
  element: XmlElement,
  problems: Problems,
): Pick<PolicySpec, 'rootfs' | 'leftRootfs' | 'lower'> {
  checkEmpty(element, problems);
  const values = attributesOf(element, { required: ['policy'], optional: ['left', 'lower'] }, problems);
  const at = (name: 'policy' | 'left' | 'lower') => offsetOf(element, name);
  const rootfs =
    values.policy === ''
      ? 'shared'
      : readChoice(values.policy, ['shared', 'copy'], 'the rootfs policy', at('policy'), problems);
  const left = readLeft(values.left, rootfs, at('left'), problems);
  if (values.lower === undefined) return { rootfs, ...(left ? { leftRootfs: left } : {}) };
  if (rootfs === 'shared')
    problems.refuse(at('lower'), 'an overlay cannot be mounted on two nodes at once: it needs policy="copy"');
  const lower = values.lower
    .split(':')
    .map((path) => readOverlayPath(path, 'the lower directory', at('lower'), problems));
  return { rootfs, ...(left ? { leftRootfs: left } : {}), lower };
}

/** `<volume target='/data' policy='copy'/>`: what becomes of a file system of type mount when its container moves. */
export function readVolume(element: XmlElement, problems: Problems): VolumeSpec {
  checkEmpty(element, problems);
  const wanted = { required: ['target', 'policy'], optional: ['left'] } as const;
  const values = attributesOf(element, wanted, problems);
  const at = (name: 'target' | 'policy' | 'left') => offsetOf(element, name);
  const policy =
    values.policy === ''
      ? 'shared'
      : readChoice(values.policy, ['shared', 'copy', 'refuse'], 'the volume policy', at('policy'), problems);
  const left = readLeft(values.left, policy, at('left'), problems);
  const target = values.target === '' ? '' : readPath(values.target, 'the target', at('target'), problems);
  return { target, policy, ...(left ? { left } : {}) };
}

/** What only the whole document tells: volumes are file systems, and no copy lies inside another one. */
export function checkVolumes(spec: DomainSpec, metadata: XmlElement | undefined, problems: Problems): void {
  const at = metadata?.offset ?? 0;
  const seen = new Set<string>();
  for (const { target } of spec.policy.volumes ?? []) {
    const there = spec.filesystems.some((one) => one.type === 'mount' && one.target === target);
    if (!there)
      problems.refuse(at, `<volume> names ${quote(target)}, which is no <filesystem> of type mount`);
    if (seen.has(target)) problems.refuse(at, `a second <volume> for the target ${quote(target)}`);
    seen.add(target);
  }
  if (spec.policy.lower && OVERLAY_SPECIAL.test(spec.root.source))
    problems.refuse(
      at,
      `the root ${quote(spec.root.source)} of an overlay cannot hold a comma or a backslash`,
    );
  const copies = copiedDirs(spec).map(({ root }) => root);
  const own = [...copies, ...(spec.policy.lower ?? [])];
  for (const [index, dir] of own.entries())
    if (own.some((other, place) => place !== index && (other === dir || dir.startsWith(`${other}/`))))
      problems.refuse(at, `${quote(dir)} would be copied, or laid over, twice`);
  const aside = copies.map((root) => `${root}.migrated`);
  if (spec.policy.lower) aside.push(`${spec.root.source}.work`);
  const named = spec.filesystems.flatMap((one) => (one.type === 'mount' ? one.source : []));
  for (const dir of new Set([...named, spec.root.source, ...(spec.policy.lower ?? [])]))
    if (aside.some((other) => other === dir || dir.startsWith(`${other}/`)))
      problems.refuse(
        at,
        `${quote(dir)} is where godwit puts what it keeps of, or needs for, a copied directory`,
      );
}

/** Directories that move with their container, the root first, and what becomes of each where it was. */
export function copiedDirs({
  root,
  filesystems,
  policy,
}: Pick<DomainSpec, 'root' | 'filesystems' | 'policy'>): {
  readonly root: string;
  readonly left: 'keep' | 'delete';
}[] {
  const copied = new Map(
    (policy.volumes ?? []).flatMap(({ target, policy: how, left }) =>
      how === 'copy' ? [[target, left ?? 'keep'] as const] : [],
    ),
  );
  return [
    ...(policy.rootfs === 'copy'
      ? [{ root: root.source, left: policy.leftRootfs ?? ('keep' as const) }]
      : []),
    ...filesystems.flatMap((one) => {
      const left = copied.get(one.target);
      return one.type === 'mount' && left !== undefined ? [{ root: one.source, left }] : [];
    }),
  ];
}

/** Sources of the file systems whose volume has this policy. */
export function volumesWith(
  { filesystems, policy }: Pick<DomainSpec, 'filesystems' | 'policy'>,
  wanted: VolumeSpec['policy'],
): string[] {
  const targets = new Set(
    (policy.volumes ?? []).flatMap(({ target, policy: how }) => (how === wanted ? [target] : [])),
  );
  return filesystems.flatMap((one) => (one.type === 'mount' && targets.has(one.target) ? [one.source] : []));
}

/** `<rootfs>` and `<volume>`s as they are written. */
export function volumeLines(
  indent: number,
  { rootfs, leftRootfs, lower, volumes = [] }: PolicySpec,
): string[] {
  return [
    empty(indent, 'godwit:rootfs', { policy: rootfs, left: leftRootfs, lower: lower?.join(':') }),
    ...volumes.map(({ target, policy, left }) => empty(indent, 'godwit:volume', { target, policy, left })),
  ];
}

function readLeft(
  raw: string | undefined,
  policy: VolumeSpec['policy'],
  at: number,
  problems: Problems,
): 'delete' | undefined {
  if (raw === undefined) return undefined;
  if (policy !== 'copy') problems.refuse(at, `what is not copied leaves nothing behind`);
  const left = readChoice(raw, ['keep', 'delete'], 'what becomes of a left directory', at, problems);
  return left === 'delete' ? left : undefined;
}

function readOverlayPath(raw: string, what: string, at: number, problems: Problems): string {
  const path = readPath(raw, what, at, problems);
  if (OVERLAY_SPECIAL.test(path))
    problems.refuse(at, `${what} ${quote(path)} cannot hold a comma or a backslash`);
  return path;
}

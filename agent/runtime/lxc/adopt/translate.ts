import { formatDomain, isKeptKey, parseDomain, stableUuid } from '../../../../protocol/domain/mod.ts';
import { type DomainSpec, GodwitError, type LxcSetting, type OsSpec } from '../../../../protocol/mod.ts';
import { USUAL } from '../config.ts';
import { Basket } from './basket.ts';
import { takeMounts } from './mounts.ts';
import { takeInterfaces } from './network.ts';
import type { Setting } from './read.ts';
import { refused } from './refused.ts';
import { type NodeSize, takeResources } from './resources.ts';
import { takeRights } from './rights.ts';

/** What is known of a container besides its configuration. */
export interface Circumstances {
  readonly name: string;
  readonly cgroup: 'v1' | 'v2';
  readonly appArmor: boolean;
  readonly node: NodeSize;
  /** Limits of the running container, as `readLimits` tells them; empty when it does not run. */
  readonly limits: Readonly<Record<string, string | number>>;
  /** MAC addresses of the running container by interface. */
  readonly macs: ReadonlyMap<string, string>;
  readonly textOf: (file: string) => Promise<string>;
}

/** A description, and what a person should know of how it came about. */
export interface Adopted {
  readonly spec: DomainSpec;
  readonly notes: readonly string[];
}

/** Keys whose lines add up. */
const LISTS = /^lxc\.(mount\.|group$|hook\.|cgroup)/;

const ARCHITECTURES: Readonly<Record<string, string>> = {
  linux64: 'x86_64',
  amd64: 'x86_64',
  x86_64: 'x86_64',
  linux32: 'i686',
  x86: 'i686',
  i386: 'i686',
  i486: 'i686',
  i586: 'i686',
  i686: 'i686',
  arm64: 'aarch64',
  aarch64: 'aarch64',
  armv7l: 'armv7l',
  ppc64: 'ppc64',
  ppc64le: 'ppc64le',
  riscv64: 'riscv64',
  s390x: 's390x',
};

/**
 * The description that says the same as a configuration of LXC's. What no element expresses and comes through a move is
 * kept word for word; anything else is refused by name, file and line. @throws GodwitError LXC_REFUSED
 */
export async function translate(settings: readonly Setting[], known: Circumstances): Promise<Adopted> {
  const { name, appArmor, cgroup } = known;
  const basket = new Basket(settings);
  const notes: string[] = [];
  const uuid = stableUuid(name);
  const autostart = basket.last('lxc.start.auto') === '1';
  if (autostart) notes.push('lxc.start.auto: godwit starts it from now on (autostart), LXC does not');
  const ordered = settings.find(({ key }) => /^lxc\.start\.(order|delay)$/.test(key));
  if (ordered) notes.push(`${ordered.key}: godwit starts containers in no order of its own`);
  if (!appArmor && settings.some(({ key }) => key.startsWith('lxc.apparmor.')))
    notes.push('lxc.apparmor: AppArmor is off on this node, so no label is kept');
  basket.matching(
    ({ key }) =>
      /^lxc\.(start\.|apparmor\.(allow|raw))/.test(key) && (key.startsWith('lxc.start.') || !appArmor),
  );
  const root = rootOf(basket);
  const mounts = await takeMounts(basket, name, root, known.textOf);
  const { kept: limits, ...resources } = takeResources(basket, cgroup, known.node, known.limits);
  const consolePath = basket.last('lxc.console.path');
  const spec: DomainSpec = {
    name,
    uuid,
    ...resources,
    ...archOf(basket),
    os: takeOs(basket),
    ...takeRights(basket, appArmor),
    root: { type: 'mount', source: root, target: '/', readonly: false },
    filesystems: mounts.filesystems,
    interfaces: takeInterfaces(basket, uuid, known.macs),
    console: consolePath !== 'none',
    policy: { mode: 'auto', rootfs: 'shared', ...(autostart ? { autostart: true } : {}) },
  };
  const kept = [...limits, ...mounts.kept, ...keptOf(basket, name, consolePath)];
  basket.finish(name);
  return { spec: checked({ ...spec, ...(kept.length === 0 ? {} : { lxc: kept }) }), notes };
}

/** Settings that are kept, and those that LXC would not have but godwit's own configurations do. */
function keptOf(basket: Basket, name: string, consolePath: string | undefined): LxcSetting[] {
  const host = basket.last('lxc.uts.name');
  const all = basket.matching(({ key }) => isKeptKey(key)).map(({ key, value }) => ({ key, value }));
  // Of most keys the last line counts.
  const lines = all.filter(
    ({ key }, index) => LISTS.test(key) || !all.slice(index + 1).some((later) => later.key === key),
  );
  const auto = lines.filter(({ key }) => key === 'lxc.mount.auto');
  return [
    ...(host === undefined || host === name ? [] : [{ key: 'lxc.uts.name', value: host }]),
    ...(consolePath === undefined || consolePath === 'none'
      ? []
      : [{ key: 'lxc.console.path', value: consolePath }]),
    // What godwit's own configurations have anyway need not be kept, unless it is one line of several.
    ...lines.filter(
      (line) => auto.length > 1 || !USUAL.some(([key, value]) => key === line.key && value === line.value),
    ),
    ...(auto.length > 0 ? [] : [{ key: 'lxc.mount.auto', value: '' }]),
  ];
}

function rootOf(basket: Basket): string {
  const [setting] = basket.all('lxc.rootfs.path').slice(-1);
  const path = setting?.value.replace(/^dir:/, '') ?? '';
  if (setting && !path.startsWith('/'))
    basket.refuse(setting, 'only a directory can be the root (dir:/path), which both nodes see');
  if (!setting)
    basket.refuse({ key: 'lxc.rootfs.path', value: '', file: 'config', line: 1 }, 'it is missing');
  return path.replace(/(.)\/+$/, '$1');
}

function archOf(basket: Basket): Pick<DomainSpec, 'arch'> {
  const [setting] = basket.all('lxc.arch').slice(-1);
  if (!setting) return {};
  const arch = ARCHITECTURES[setting.value];
  if (arch === undefined) basket.refuse(setting, 'no element says it');
  return arch === undefined ? {} : { arch };
}

function takeOs(basket: Basket): OsSpec {
  const command = basket.last('lxc.init.cmd');
  const [init = '/sbin/init', ...initArgs] = command === undefined ? [] : wordsOf(command);
  const initDir = basket.last('lxc.init.cwd');
  const [uid, gid] = [basket.last('lxc.init.uid') ?? '0', basket.last('lxc.init.gid') ?? '0'];
  const initEnv = new Map<string, string>();
  for (const setting of basket.all('lxc.environment')) {
    const at = setting.value.indexOf('=');
    if (at < 1)
      basket.refuse(setting, 'a variable is taken over from whoever starts LXC, which is godwit then');
    else initEnv.set(setting.value.slice(0, at), setting.value.slice(at + 1));
  }
  return {
    init,
    initArgs,
    initEnv: [...initEnv].map(([name, value]) => ({ name, value })),
    ...(initDir === undefined ? {} : { initDir }),
    ...(uid === '0' && gid === '0' ? {} : { initUser: { user: uid, group: gid } }),
  };
}

/** LXC splits at blanks and knows quotes around a word, without escapes. */
export function wordsOf(command: string): string[] {
  return [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, double, single, plain]) => {
    return double ?? single ?? plain ?? '';
  });
}

/** The description as a document would give it: held to the same rules. */
function checked(spec: DomainSpec): DomainSpec {
  try {
    return parseDomain(formatDomain(spec), { file: spec.name });
  } catch (error) {
    if (!(error instanceof GodwitError) || error.code !== 'XML_REFUSED') throw error;
    const { problems = [] } = error.details as { problems?: { problem: string }[] };
    throw refused(
      spec.name,
      problems.map(({ problem }) => ({ file: 'config', line: 1, problem })),
    );
  }
}

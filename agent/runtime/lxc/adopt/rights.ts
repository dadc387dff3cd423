import { CAPABILITIES } from '../../../../protocol/domain/mod.ts';
import type { DomainSpec, IdmapSpec, IdRange } from '../../../../protocol/mod.ts';
import type { Basket } from './basket.ts';
import type { Setting } from './read.ts';

/** Takes capabilities, id maps and labels. */
export function takeRights(
  basket: Basket,
  appArmor: boolean,
): Pick<DomainSpec, 'capabilities' | 'idmap' | 'seclabel'> {
  const idmap = takeIdmap(basket);
  return {
    capabilities: takeCapabilities(basket),
    ...(idmap ? { idmap } : {}),
    ...takeLabel(basket, appArmor),
  };
}

function takeCapabilities(basket: Basket): NonNullable<DomainSpec['capabilities']> {
  const names = (settings: readonly Setting[]) => [
    ...new Set(settings.flatMap((setting) => namesOf(basket, setting))),
  ];
  const kept = basket.all('lxc.cap.keep');
  const dropped = names(basket.all('lxc.cap.drop'));
  if (kept.length > 0) return { policy: 'deny', on: inOrder(names(kept)), off: [] };
  return { policy: 'allow', on: [], off: inOrder(dropped) };
}

function namesOf(basket: Basket, setting: Setting): string[] {
  const words = setting.value.split(/\s+/).filter((word) => word !== 'none');
  const unknown = words.filter((word) => !CAPABILITIES.some((name) => name === word));
  if (unknown.length > 0) basket.refuse(setting, `no element says ${unknown.join(' ')}`);
  return words;
}

/** The order in which they are written, so that the description is read back the same. */
function inOrder(names: readonly string[]): string[] {
  return CAPABILITIES.filter((name) => names.includes(name));
}

function takeIdmap(basket: Basket): IdmapSpec | undefined {
  const lines = basket.all('lxc.idmap');
  if (lines.length === 0) return undefined;
  const ranges = (kind: 'u' | 'g'): IdRange[] =>
    lines.flatMap((line) => {
      const [first, ...numbers] = line.value.split(/\s+/);
      const [start = 0, target = 0, count = 0] = numbers.map(Number);
      return first === kind || first === 'b' ? [{ start, target, count }] : [];
    });
  return { uid: ranges('u'), gid: ranges('g') };
}

/** Where AppArmor is off, a profile says nothing, and criu would refuse to restore it. */
function takeLabel(basket: Basket, appArmor: boolean): Pick<DomainSpec, 'seclabel'> {
  const profile = basket.last('lxc.apparmor.profile');
  const context = basket.last('lxc.selinux.context');
  if (context !== undefined) return { seclabel: { model: 'selinux', label: context } };
  if (profile === undefined || !appArmor) return {};
  return { seclabel: profile === 'unconfined' ? { model: 'none' } : { model: 'apparmor', label: profile } };
}

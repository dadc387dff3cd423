import { LIMITS } from '../limits.ts';
import { defined } from './defined.ts';
import { attributesOf, checkEmpty, offsetOf } from './element.ts';
import { type Problems, quote } from './problems.ts';
import type { PlacementSpec } from './spec.ts';
import type { XmlElement } from './tree.ts';
import { readChoice } from './values.ts';

const WORD = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;
const ATTRIBUTES = ['group', 'together', 'apart', 'require', 'balance', 'evacuate'] as const;

/** Where the container may be, and who may move it there: `<godwit:placement>`. */
export function readPlacement(element: XmlElement, problems: Problems): PlacementSpec {
  checkEmpty(element, problems);
  const values = attributesOf(element, { optional: ATTRIBUTES }, problems);
  const at = (name: (typeof ATTRIBUTES)[number]) => offsetOf(element, name);
  const { group } = values;
  if (group !== undefined && !WORD.test(group))
    problems.refuse(at('group'), `the group ${quote(group)} is no name of letters, digits, "_", "." and "-"`);
  const side = (name: 'together' | 'apart') => {
    const text = values[name];
    if (text === undefined) return undefined;
    if (group === undefined) problems.refuse(at(name), `${name} needs a group`);
    return readChoice(text, ['prefer', 'require'], name, at(name), problems);
  };
  const [together, apart] = [side('together'), side('apart')];
  if (together && apart) problems.refuse(at('apart'), 'a group is either together or apart');
  const not = (name: 'balance' | 'evacuate') =>
    readChoice(values[name] ?? 'yes', ['yes', 'no'], name, at(name), problems) === 'no'
      ? (false as const)
      : undefined;
  return defined({
    group,
    together,
    apart,
    require: values.require === undefined ? undefined : readLabels(values.require, at('require'), problems),
    balance: not('balance'),
    evacuate: not('evacuate'),
  });
}

/** The attributes that say the same again. */
export function placementAttributes(placement: PlacementSpec): Readonly<Record<string, string | undefined>> {
  const { group, together, apart, require, balance, evacuate } = placement;
  return {
    group,
    together,
    apart,
    require:
      require &&
      Object.entries(require)
        .map(([name, value]) => `${name}=${value}`)
        .join(','),
    balance: balance === false ? 'no' : undefined,
    evacuate: evacuate === false ? 'no' : undefined,
  };
}

/** `zone=a,disk=ssd`: labels that a node must have. */
function readLabels(text: string, at: number, problems: Problems): Record<string, string> {
  const labels: Record<string, string> = Object.create(null);
  for (const entry of text.split(',')) {
    const [name = '', value = '', ...more] = entry.trim().split('=');
    if (!WORD.test(name) || !WORD.test(value) || more.length > 0 || Object.hasOwn(labels, name))
      problems.refuse(at, `require ${quote(entry.trim())} is no label such as zone=a, or there twice`);
    else labels[name] = value;
  }
  if (Object.keys(labels).length > LIMITS.labels)
    problems.refuse(at, `require has more than ${LIMITS.labels} labels`);
  return { ...labels };
}

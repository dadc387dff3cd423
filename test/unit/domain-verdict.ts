import { formatConfig, type NodeFacts } from '../../agent/runtime/lxc/config.ts';
import { limitFiles } from '../../agent/runtime/lxc/limit-files.ts';
import { formatDomain, parseDomain } from '../../protocol/domain/mod.ts';
import { type DomainSpec, GodwitError } from '../../protocol/mod.ts';

/** A node on which every document of the corpus can be defined. */
const DEVICES = new Map([['/dev/vda', '254:0']]);
const NODE: Omit<NodeFacts, 'cgroup'> = {
  appArmor: true,
  fileSources: new Set(['/etc/resolv.conf']),
  networks: { default: 'virbr0' },
  devices: DEVICES,
  overlay: '/var/lib/lxc/web/overlay',
};

/**
 * What godwit makes of a document, as it stands beside it in the corpus: for an accepted one LXC's configuration on a
 * node with cgroup v2 and the files that are written on one with v1; for a refused one each place and reason.
 */
export function verdictOn(
  xml: string,
  file: string,
): { readonly kind: 'lxc' | 'refused'; readonly text: string } {
  let spec: DomainSpec;
  try {
    spec = parseDomain(xml, { file });
  } catch (error) {
    if (!(error instanceof GodwitError)) throw error;
    return { kind: 'refused', text: refusal(error) };
  }
  return { kind: 'lxc', text: `${configText(spec)}${limitText(spec)}` };
}

/** The description that `dumpxml` prints, read again, and the first one. */
export function roundTrip(xml: string): { readonly first: DomainSpec; readonly again: DomainSpec } {
  const first = parseDomain(xml, { file: 'first' });
  return { first, again: parseDomain(formatDomain(first), { file: 'again' }) };
}

function configText(spec: DomainSpec): string {
  const ids = spec.os.initUser && { uid: Number(spec.os.initUser.user), gid: Number(spec.os.initUser.group) };
  const [, ...lines] = formatConfig(spec, { ...NODE, cgroup: 'v2', ...(ids ? { initIds: ids } : {}) }).split(
    '\n',
  );
  return lines.join('\n');
}

function limitText(spec: DomainSpec): string {
  const lines = limitFiles(spec, 'v1', DEVICES).map(
    ({ controller, files, value }) => `${controller}/${files.join('|')} = ${value}`,
  );
  return ['# in cgroup v1', ...lines, ''].join('\n');
}

function refusal({ code, details }: GodwitError): string {
  const { problems, ...alone } = details as {
    problems?: readonly { line: number; column: number; problem: string }[];
    line: number;
    column: number;
    problem: string;
  };
  const lines = (problems ?? [alone]).map(({ line, column, problem }) => `${line}:${column} ${problem}`);
  return `${[code, ...lines].join('\n')}\n`;
}

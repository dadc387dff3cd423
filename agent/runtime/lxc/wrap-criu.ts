import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DomainSpec } from '../../../protocol/mod.ts';
import type { Hierarchy } from '../../host/cgroup-paths.ts';
import { shellWord } from '../../host/shell-word.ts';
import { rulesOfRestore } from './device-files.ts';
import { prepareMapped } from './mapped.ts';
import type { Networks } from './network.ts';

/** What LXC is given in the place of criu. */
export interface WrappedCriu {
  /** Comes before the PATH: its `criu` is the one LXC finds. */
  readonly path: string;
  /** Lines of criu's configuration file. */
  readonly criuConfig: readonly string[];
}

/**
 * Puts a program of that name before criu, where a restore needs something done that only fits between LXC, which has made the container's
 * groups by then, and criu: for mapped users, and for device rules of cgroup v1. criu makes all groups before it writes the
 * rules of the first one, and the kernel takes no rule about all devices from a group that has others below: they would be
 * gone, and every device open to the container. Undefined where criu itself will do. @param devices where cgroup v1 has such rules
 * @throws the kernel's error
 */
export async function wrapCriu(
  dir: string,
  plan: { readonly spec: DomainSpec; readonly imageDir: string },
  { networks, devices }: { readonly networks: Networks; readonly devices: Hierarchy | undefined },
): Promise<WrappedCriu | undefined> {
  const { spec } = plan;
  const rules = devices ? rulesOfRestore(spec).flatMap(({ file, value }) => [file, value]) : [];
  if (!spec.idmap && rules.length === 0) return undefined;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const mapped = spec.idmap ? await prepareMapped(dir, plan, networks) : undefined;
  const write = devices && rules.length > 0 ? writeLines(devices, rules) : '';
  const script = criuScript(write, mapped?.command ?? 'exec criu "$@"');
  await writeFile(join(dir, 'criu'), script, { mode: 0o700 });
  return { path: `${dir}:${process.env.PATH ?? ''}`, criuConfig: mapped?.criuConfig ?? [] };
}

/** Safe to repeat, and where there was nothing. */
export function unwrapCriu(dir: string): Promise<void> {
  return rm(dir, { recursive: true, force: true });
}

function criuScript(write: string, command: string): string {
  return `#!/bin/sh
PATH=${shellWord(process.env.PATH ?? '')}
export PATH
[ "$1" = restore ] || exec criu "$@"
${write}${command}
`;
}

/** LXC says which group of each hierarchy is the container's: `--cgroup-root devices:/PATH`. @param rules file and value of each, in turn */
function writeLines({ mountPoint, root: top }: Hierarchy, rules: readonly string[]): string {
  return `group=
for word; do
  case $word in devices:/* | devices,*:/* | *,devices:/* | *,devices,*:/*) group=\${word#*:} ;; esac
done
fail() {
  echo "Error: the device rules: $1" >&2
  exit 1
}
[ "$group" ] || fail 'LXC names no group for them'
group=${shellWord(mountPoint)}\${group#${shellWord(top === '/' ? '' : top)}}
rule() {
  while [ $# -gt 0 ]; do
    printf %s "$2" >"$group/$1" || fail "$2 to $group/$1"
    shift 2
  done
}
rule ${rules.map(shellWord).join(' ')}
`;
}

import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DomainSpec } from '../../../protocol/mod.ts';
import { shellWord } from '../../host/shell-word.ts';
import { hostVeth } from './names.ts';
import { bridgeOf, type Networks } from './network.ts';

/** Numbers that no interface of a container has. */
const FIRST_BRIDGE = 2_000_000;

/** What a restore with mapped users needs besides, see {@link wrapCriu}. */
export interface MappedRestore {
  /** Lines of criu's configuration file. */
  readonly criuConfig: readonly string[];
  /** How a shell turns into criu, with its own arguments. */
  readonly command: string;
}

/**
 * Makes criu able to restore a container that has a user namespace of its own. Two things stand in its way. The tasks open
 * the images themselves, some before and some after they became the container's root (image.c: "Unable to open
 * tty-info.img: Permission denied"): so everybody may read them, in a directory that only the node's root gets to. And their
 * interfaces are made from outside, where the kernel takes an interface's number for that of one that is there already
 * (net.c: "couldn't restore veth interface eth0 via usernsd", not supported): so criu runs in a network namespace where
 * these numbers are free, with bridges of the same names, and from there the host's ends go where they belong. criu's
 * hooks do both without an agent. @param dir where its hook is written @throws the kernel's error
 */
export async function prepareMapped(
  dir: string,
  { spec, imageDir }: { readonly spec: DomainSpec; readonly imageDir: string },
  networks: Networks,
): Promise<MappedRestore> {
  const veths = spec.interfaces.flatMap((nic, index) => {
    const bridge = bridgeOf(nic, networks);
    return bridge === undefined ? [] : [{ veth: hostVeth(spec.name, index), bridge }];
  });
  const hook = join(dir, 'hook');
  await writeFile(hook, hookScript(dirname(imageDir), veths), { mode: 0o700 });
  return { criuConfig: [`action-script ${hook}`], command: inOwnNetwork(veths.map(({ bridge }) => bridge)) };
}

function inOwnNetwork(bridges: readonly string[]): string {
  const made = [...new Set(bridges)].map(
    (bridge, index) => `ip link add ${bridge} index ${FIRST_BRIDGE + index} type bridge && `,
  );
  return `exec unshare --net sh -c '${made.join('')}exec criu "$@"' sh "$@"`;
}

/** criu's parent is LXC, in the network namespace of the node. criu calls what was named last first: nobody has decided yet. */
function hookScript(
  images: string,
  veths: readonly { readonly veth: string; readonly bridge: string }[],
): string {
  const moves = veths.map(
    ({ veth, bridge }) => `  ip link set ${veth} netns "$node" &&
    nsenter --target "$node" --net ip link set ${veth} master ${bridge} up || exit 1
`,
  );
  return `#!/bin/sh
case $CRTOOLS_SCRIPT_ACTION in
pre-restore)
  exec chmod --recursive a+rX ${shellWord(images)}
  ;;
post-restore)
  while read -r key value; do [ "$key" != PPid: ] || node=$value; done <"/proc/$PPID/status"
${moves.join('')}  ;;
esac
`;
}

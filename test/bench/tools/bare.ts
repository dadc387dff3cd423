import { join } from 'node:path';
import { execa } from 'execa';
import { checkout } from '../../e2e/support/checkout.ts';
import type { Cluster } from '../../e2e/support/cluster.ts';
import { type ContainerWish, makeRootfs, type RootfsKind } from '../../e2e/support/containers.ts';

const MOVE_DEADLINE_MS = 180_000;

/** What `bare-move` prints. */
export interface BareMove {
  readonly downtimeMs: number;
  /** What the downtime consists of, in milliseconds. */
  readonly parts: Readonly<Record<string, number>>;
}

/** The container whose definition is taken over, and what the new one must have of its own. */
export interface Twin extends Pick<ContainerWish, 'programs'> {
  /** What its root file system is made of. */
  readonly kind: RootfsKind;
  readonly of: { readonly name: string; readonly address: string };
  readonly name: string;
  readonly address: string;
  readonly mac: string;
  readonly nodes: readonly [string, ...string[]];
}

/**
 * Starts a container on the first node that is like one of godwit's: the same LXC configuration and limits, a root file system
 * of the same kind. godwit knows nothing of it. Both nodes get the configuration, as whoever moves by hand must see to.
 */
export async function startTwin(cluster: Cluster, twin: Twin): Promise<void> {
  const { lab } = cluster;
  const [first] = twin.nodes;
  await makeRootfs(cluster, twin.kind, twin);
  const theirs = await lab.sh(first, `cat /var/lib/lxc/${twin.of.name}/config`);
  const config = [
    ...theirs
      .replaceAll(twin.of.address, twin.address)
      .replaceAll(new RegExp(`\\b${twin.of.name}\\b`, 'g'), twin.name)
      .split('\n')
      // godwit's mark, and names of which there can be only one.
      .filter((line) => !/^#|^lxc\.net\.0\.(hwaddr|veth\.pair)\b/.test(line)),
    `lxc.net.0.hwaddr = ${twin.mac}`,
  ].join('\n');
  for (const node of twin.nodes) {
    const dir = `/var/lib/lxc/${twin.name}`;
    await lab.sh(node, `mkdir -p ${dir}; cat >${dir}/config <<'END'\n${config}\nEND`);
    // A bridge takes the lowest address of its ports, and criu gives a restored veth a random one: keep what it has.
    await lab.sh(node, 'ip link set dev br0 address "$(cat /sys/class/net/br0/address)"');
  }
  await startAgain(cluster, twin);
}

/** Starts it once more where it was started, stopped as it is; the one it is like runs there. */
export async function startAgain({ lab }: Cluster, { of, name, nodes: [first] }: Twin): Promise<void> {
  await lab.sh(first, `lxc-start -n ${name} -d </dev/null >/dev/null 2>&1`);
  await lab.sh(first, copyLimits(of.name, name));
}

/** Moves a container with the script `bare-move`. Rejects with what criu said when that fails. */
export async function moveByHand(
  { lab }: Cluster,
  move: { readonly name: string; readonly mode: string; readonly source: string; readonly target: string },
): Promise<BareMove> {
  const script = join(checkout, 'test/bench/tools/bare-move');
  const { stdout } = await execa(script, [move.mode, move.name, move.source, move.target], {
    env: { GODWIT_LAB: lab.instance },
    stdin: 'ignore',
    timeout: MOVE_DEADLINE_MS,
  });
  return JSON.parse(stdout);
}

/** On cgroup v1 godwit's agent writes the limits itself; criu carries them along. On v2 they are in the configuration. */
function copyLimits(from: string, to: string): string {
  return `group() { sed -n "s|^[0-9]*:\\([^:]*,\\)*$2\\(,[^:]*\\)*:||p" "/proc/$(lxc-info -n "$1" -pH)/cgroup"; }
    for file in memory/memory.limit_in_bytes cpu/cpu.cfs_period_us cpu/cpu.cfs_quota_us; do
      controller=\${file%/*} name=\${file#*/}
      [ -e "/sys/fs/cgroup/$controller/$name" ] || continue
      cat "/sys/fs/cgroup/$controller/$(group ${from} $controller)/$name" >"/sys/fs/cgroup/$controller/$(group ${to} $controller)/$name"
    done`;
}

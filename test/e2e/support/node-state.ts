import type { Cluster } from './cluster.ts';

/** Everything a container or a move may leave on a node: empty where neither has been, or both are gone. */
export async function tracesOf(cluster: Cluster, node: string, container: string): Promise<string[]> {
  const script = `
    ls -d /var/lib/lxc/${container} 2>/dev/null || :
    ls -d /run/godwit/jobs/* 2>/dev/null || :
    find /sys/fs/cgroup -maxdepth 3 -type d -name '*lxc.*${container}*' || :
    grep -o '/run/godwit/jobs/[^ ]*' /proc/mounts || :
    ls /sys/class/net | grep -v -x -e lo -e br0 -e eth0 -e bonding_masters || :
    for dir in /proc/[0-9]*; do
      [ ! -e $dir/exe ] || case $(tr '\\0' ' ' <$dir/cmdline 2>/dev/null) in
        criu\\ *|*/criu\\ *|lxc-*\\ ${container}*|'[lxc monitor]'*) echo $dir: $(tr '\\0' ' ' <$dir/cmdline) ;;
      esac
    done`;
  const text = await cluster.lab.sh(node, script);
  return text === '' ? [] : text.split('\n');
}

/** CRIU's network lock in a running container's network namespace: empty once it is released. */
export function networkLocks(cluster: Cluster, node: string, container: string): Promise<string> {
  return cluster.lab.sh(
    node,
    `pid=$(lxc-info -n ${container} -pH)
     nsenter --net=/proc/$pid/ns/net -- sh -c 'nft list tables | grep CRIU; iptables-save | grep CRIU' || :`,
  );
}

/** What LXC itself says of a container on a node. */
export function lxcState(cluster: Cluster, node: string, container: string): Promise<string> {
  return cluster.lab.sh(node, `lxc-info -n ${container} -sH 2>/dev/null || echo none`);
}

import type { Cluster } from '../support/cluster.ts';

/**
 * Everything on a node that belongs to no container of `there` (of a stopped one only the definition does): what moves, killed agents and killed criu processes leave. And
 * what of a running container is not as it was: frozen, or its network locked.
 */
export async function leftoversOf(
  cluster: Cluster,
  node: string,
  there: { readonly running: readonly string[]; readonly stopped: readonly string[] },
): Promise<readonly string[]> {
  const { running } = there;
  const namesOf = (names: readonly string[]) => (names.length > 0 ? names.join('|') : 'none');
  const script = `
    ls -d /run/godwit/jobs/* 2>/dev/null || :
    grep -o '/run/godwit/jobs/[^ ]*' /proc/self/mounts || :
    for dir in /proc/[0-9]*; do
      case $(tr '\\0' ' ' <$dir/cmdline 2>/dev/null) in
        sh\\ *) ;;
        criu\\ *|*/criu\\ *|*/run/godwit/jobs/*) echo $dir: $(tr '\\0' ' ' <$dir/cmdline) ;;
      esac
    done 2>/dev/null
    ls /var/lib/lxc | grep -v -x -E '${namesOf([...running, ...there.stopped])}' || :
    find /sys/fs/cgroup -maxdepth 3 -type d -name 'lxc.*' ! -name lxc.pivot | grep -v -E '\\.(${namesOf(running)})$' || :
    links=$(ls /sys/class/net | grep -c -v -x -e lo -e br0 -e eth0 -e bonding_masters || :)
    [ $links -eq ${running.length} ] || echo "$links veths for ${running.length} containers"
    nft list tables | grep godwit_fault || :
    for name in ${running.join(' ')}; do
      pid=$(lxc-info -n $name -pH)
      grep -s -H -E 'FROZEN|FREEZING' /sys/fs/cgroup/freezer/lxc.payload.$name/freezer.state || :
      grep -s -H 'frozen 1' /sys/fs/cgroup/lxc.payload.$name/cgroup.events || :
      nsenter --net=/proc/$pid/ns/net -- sh -c 'nft list tables | grep CRIU; iptables-save | grep CRIU' || :
    done`;
  const text = await cluster.lab.sh(node, script);
  return text === '' ? [] : text.split('\n').map((line) => `${node}: ${line}`);
}

import type { Criu } from '../criu/mod.ts';
import type { Runner } from '../effects/runner.ts';
import { framesLack } from '../host/frames.ts';
import { type Check, failed, ok, skipped, warning } from './check.ts';

const TOOL_MS = 10_000;
const LXC_TOOLS = ['lxc-start', 'lxc-stop', 'lxc-info', 'lxc-attach', 'lxc-checkpoint'] as const;

/** The programs that godwit starts, and what criu says it can do here. */
export function toolChecks(runner: Runner, criu: Criu): Check[] {
  return [
    {
      name: 'criu',
      look: async () => {
        const { criu: version } = await criu.capabilities();
        return version
          ? ok(`CRIU ${version}`)
          : failed(
              'criu is missing or does not start',
              'Install the package criu (4.2 or later on Linux 6.16 or later).',
            );
      },
    },
    featureCheck(criu, {
      name: 'post-copy',
      feature: 'uffd-noncoop',
      able: 'the kernel can fetch pages later',
      unable: 'post-copy is not possible here',
      hint: 'It needs CONFIG_USERFAULTFD and /dev/userfaultfd or root; moves to this node are cold or pre-copy.',
    }),
    featureCheck(criu, {
      name: 'pre-copy',
      feature: 'mem_dirty_track',
      able: 'the kernel tracks dirty memory',
      unable: 'pre-copy is not possible here',
      hint: 'It needs CONFIG_MEM_SOFT_DIRTY (Debian, Ubuntu and Fedora kernels have it); other modes work without.',
    }),
    {
      name: 'lxc',
      look: async () => {
        const results = await Promise.all(LXC_TOOLS.map((tool) => versionOf(runner, tool)));
        const missing = LXC_TOOLS.filter((_tool, index) => results[index] === undefined);
        if (missing.length > 0) return failed(`${missing.join(', ')} missing`, 'Install the package lxc.');
        return ok(`LXC ${results[0]}`);
      },
    },
    {
      name: 'network-lock',
      look: async () => {
        const [{ features }, iptables, nft] = await Promise.all([
          criu.capabilities(),
          versionOf(runner, 'iptables-restore'),
          versionOf(runner, 'nft'),
        ]);
        const usable = features.network_lock_nftables ? 'nftables' : iptables ? 'iptables' : undefined;
        if (!usable) {
          return failed(
            'neither nftables nor iptables can cut a network off',
            'Install the packages nftables and iptables.',
          );
        }
        return nft === undefined && iptables === undefined
          ? warning(
              `CRIU locks with ${usable}`,
              'Install nftables: a lock that is left behind could not be removed.',
            )
          : ok(`CRIU locks with ${usable}`);
      },
    },
    {
      name: 'kept-frames',
      look: async () => {
        const lack = await framesLack(runner);
        return lack === ''
          ? ok('what clients send to a container that stands still can be kept')
          : warning(
              lack,
              'Clients of a container that moves wait until their TCP sends again; install the package perl-base.',
            );
      },
    },
    {
      name: 'rsync',
      look: async () => {
        const version = await versionOf(runner, 'rsync');
        return version === undefined
          ? warning(
              'rsync is missing',
              'Containers with rootfs policy `copy` cannot be moved: install the package rsync.',
            )
          : ok(`rsync ${version}`);
      },
    },
  ];
}

interface FeatureCheck {
  readonly name: string;
  readonly feature: string;
  readonly able: string;
  readonly unable: string;
  readonly hint: string;
}

function featureCheck(criu: Criu, { name, feature, able, unable, hint }: FeatureCheck): Check {
  return {
    name,
    look: async () => {
      const { criu: version, features } = await criu.capabilities();
      if (!version) return skipped('needs a working criu');
      return features[feature] ? ok(able) : warning(unable, hint);
    },
  };
}

/** The first number in what `TOOL --version` prints; undefined when the tool is not there. */
async function versionOf(runner: Runner, file: string): Promise<string | undefined> {
  const { exitCode, stdout, stderr } = await runner.run({ file, args: ['--version'], deadlineMs: TOOL_MS });
  if (exitCode !== 0) return undefined;
  return /\d+(?:\.\d+)+/.exec(stdout || stderr)?.[0] ?? '';
}

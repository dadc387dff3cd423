import { basename, join } from 'node:path';
import type { Cluster } from './cluster.ts';

export type RootfsKind = 'redis' | 'generic';

export interface ContainerWish {
  readonly name: string;
  readonly address: string;
  readonly init?: string;
  readonly args?: readonly string[];
  readonly memoryMib?: number;
  /** Bridge on each node. */
  readonly bridge?: string;
  /** Extra elements in `<devices>`. */
  readonly devices?: string;
  /** Directory of each node that its root file system is moved into: then it is copied with each move. */
  readonly copiedIn?: string;
  /** Attributes of `<godwit:placement>`. */
  readonly placement?: string;
  /** Elements of godwit's settings. */
  readonly settings?: string;
  /** Files of the checkout that are put into its root directory. */
  readonly programs?: readonly string[];
}

/** godwit's own settings; nothing where there are none. */
function metadata({ copiedIn, placement, settings: own }: ContainerWish): string {
  const settings = [
    own ?? (copiedIn === undefined ? '' : "<godwit:rootfs policy='copy'/>"),
    placement === undefined ? '' : `<godwit:placement ${placement}/>`,
  ].join('');
  if (settings === '') return '';
  return `<metadata>
    <godwit:settings xmlns:godwit='https://godwit.dev/xmlns/domain/1'>${settings}</godwit:settings>
  </metadata>`;
}

/** Domain XML of a container whose root file system `lab rootfs KIND NAME` made. */
export function domainXml(wish: ContainerWish): string {
  const { name, address, init = '/init', args = [], memoryMib = 1024, bridge = 'br0', devices = '' } = wish;
  const root = wish.copiedIn ?? '/srv/godwit';
  return `<domain type='lxc'>
  <name>${name}</name>
  <memory unit='MiB'>${memoryMib}</memory>
  <vcpu>1</vcpu>
  <os>
    <type>exe</type>
    <init>${init}</init>
${args.map((arg) => `    <initarg>${arg}</initarg>\n`).join('')}  </os>
  ${metadata(wish)}
  <devices>
    <filesystem type='mount'>
      <source dir='${root}/${name}'/>
      <target dir='/'/>
    </filesystem>
    <interface type='bridge'>
      <source bridge='${bridge}'/>
      <ip address='${address}' family='ipv4' prefix='16'/>
    </interface>
    ${devices}
  </devices>
</domain>
`;
}

/** Makes the root file system, defines the container on a node and starts it. */
export async function startContainer(
  cluster: Cluster,
  node: string,
  kind: RootfsKind,
  wish: ContainerWish,
): Promise<void> {
  await makeRootfs(cluster, kind, wish);
  if (wish.copiedIn !== undefined)
    await cluster.lab.sh(node, `cp -a /srv/godwit/${wish.name} ${wish.copiedIn}/`);
  const input = domainXml(wish);
  await must(cluster.lab.run(['client', '--', 'godwit', 'define', '-', '--node', node], { input }));
  await must(cluster.godwit('start', wish.name));
}

/** Makes a root file system that all nodes see, with the wished programs in it. */
export async function makeRootfs(
  { lab }: Cluster,
  kind: RootfsKind,
  { name, programs = [] }: Pick<ContainerWish, 'name' | 'programs'>,
): Promise<void> {
  await must(lab.run(['rootfs', kind, name]));
  for (const program of programs) await lab.share(program, join(name, basename(program)));
}

async function must(running: ReturnType<Cluster['godwit']>): Promise<void> {
  const { exitCode, stderr } = await running;
  if (exitCode !== 0) throw new Error(`exit ${exitCode}: ${stderr}`);
}

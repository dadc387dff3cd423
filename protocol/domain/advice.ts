const LIVE = 'it describes a running container; take the definition with `virsh dumpxml --inactive`';

/** What to add when something well known from libvirt is refused. Keys: `element`, `parent/element`, `element@attribute`. */
export const ADVICE: Readonly<Partial<Record<string, string>>> = {
  alias: LIVE,
  address: LIVE,
  seclabel: 'the host decides about labels',
  disk: 'a container has file systems, not disks',
  hostdev: 'host devices cannot move',
  idmap: 'containers run without a user namespace',
  cputune: 'only <vcpu> limits the processor',
  memtune: 'only <memory> limits memory',
  blkiotune: 'block devices are not limited',
  numatune: 'a container is not bound to NUMA nodes',
  genid: 'a container has no generation id',
  inituser: 'the init runs as root',
  initgroup: 'the init runs as root',
  route: 'routes are not set up',
  'interface/target': 'names of host devices are chosen on each node',
  'domain@id': LIVE,
  'guest@actual': LIVE,
  'console@tty': LIVE,
  'ip@peer': 'point-to-point addresses are not set up',
  'vcpu@cpuset': 'a container is not bound to processors, which differ from node to node',
  'metadata/godwit:migration': 'it belongs into <settings> of the same namespace',
  'metadata/godwit:rootfs': 'it belongs into <settings> of the same namespace',
};

/** The first line of every file that godwit writes into a container; without it a file is somebody else's. */
export const MARK = '# Written by `godwit prepare-rootfs`; `--undo` removes it.';

/** One file or link in the container's root, and what speaks for and against it. */
export interface Change {
  /** Below the root, without the first slash. */
  readonly path: string;
  readonly content: { readonly text: string } | { readonly link: string };
  readonly why: string;
  readonly cost: string;
}

/** For all services: after their unit files, before drop-ins for single units. */
const SERVICES = `${MARK}
[Service]
ProtectHostname=no
PrivateUsers=no
PrivateIPC=no
PrivateDevices=no
ProtectClock=no
DevicePolicy=auto
DeviceAllow=
IPAddressDeny=
IPAddressAllow=
`;

const MANAGER = `${MARK}
[Manager]
DefaultMemoryAccounting=no
DefaultMemoryPressureWatch=off
ManagerEnvironment=MEMORY_PRESSURE_WATCH=/dev/null
`;

/** What makes systemd (250 and newer) an init that criu can dump and restore. */
export const SYSTEMD_CHANGES: readonly Change[] = [
  {
    path: 'etc/systemd/system/service.d/50-live-migration.conf',
    content: { text: SERVICES },
    why: 'criu dumps neither nested UTS, IPC and user namespaces nor the BPF programs of device and address filters',
    cost: 'services lose these sandbox settings; set one again in a drop-in of a unit whose container need not move',
  },
  {
    path: 'etc/systemd/system.conf.d/50-live-migration.conf',
    content: { text: MANAGER },
    why: 'a watch on memory.events finds no file in a restore, and a pressure trigger is lost in it, after which its owner spins',
    cost: "no memory accounting by default, no reaction to memory pressure; the container's own limits stay",
  },
  {
    path: 'etc/systemd/system/user@.service',
    content: { link: '/dev/null' },
    why: "the (sd-pam) process of a user's manager fails in a restore",
    cost: 'no `systemctl --user` and no user units; logins and their sessions stay',
  },
];

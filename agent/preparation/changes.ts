/** The first line of every file that godwit writes into a container; without it a file is somebody else's. */
export const MARK = '# Written by `godwit prepare-rootfs`; `--undo` removes it.';

/** One file in the container's root, and what speaks for and against it. */
export interface Change {
  /** Below the root, without the first slash. */
  readonly path: string;
  readonly text: string;
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
NotifyAccess=all
`;

const MANAGER = `${MARK}
[Manager]
DefaultMemoryAccounting=no
DefaultMemoryPressureWatch=off
ManagerEnvironment=MEMORY_PRESSURE_WATCH=/dev/null
`;

/*
 * Drop-ins for single units have names of their own: one of the same name would stand in the place of that for all services.
 */

/** Without PAM nobody tells a manager where its directory is. */
const USER_MANAGERS = `${MARK}
[Service]
PAMName=
Environment=XDG_RUNTIME_DIR=/run/user/%i MEMORY_PRESSURE_WATCH=/dev/null
`;

/** Its monitor of sysctl settings is a BPF program, which it does without when it may not load one. */
const NETWORKD = `${MARK}
[Service]
CapabilityBoundingSet=~CAP_BPF CAP_SYS_ADMIN
AmbientCapabilities=~CAP_BPF CAP_SYS_ADMIN
MountFlags=slave
`;

/** What a service says counts by its control group, not by the pidfd of its main process. */
const HEARD = `${MARK}
[Service]
NotifyAccess=all
`;

const APART = `${MARK}
[Service]
MountFlags=slave
`;

/** A tmpfs of which only directories are mounted, as `PrivateTmp=disconnected` has it. */
const SERVES_EARLY = `${APART}PrivateTmp=no
`;

const CONSOLE = `${MARK}
[Unit]
ConditionVirtualization=!container
`;

const WITHOUT_CREDENTIALS = `${MARK}
[Service]
ImportCredential=
LoadCredential=
SetCredential=
`;

const SANDBOXED_WHY =
  'criu cannot restore two services with mounts of their own, whose directories for later mounts have no common one';

/** Services of systemd itself that have mounts of their own and stay. */
const EARLY = ['systemd-resolved', 'systemd-timesyncd'];

export const SERVICES_CHANGE: Change = {
  path: 'etc/systemd/system/service.d/50-live-migration.conf',
  text: SERVICES,
  why: 'criu dumps neither nested UTS, IPC and user namespaces nor the BPF programs of device and address filters; and init knows a main process by the number of its pidfd, which is another one after a move: it would take no word of it any more, and its watchdog would kill it after some minutes',
  cost: 'services lose these sandbox settings, and every process of a service may speak to init for it; set one again in a drop-in of a unit whose container need not move',
};

/** What makes systemd (250 and newer) an init that criu can dump and restore. */
export const SYSTEMD_CHANGES: readonly Change[] = [
  SERVICES_CHANGE,
  {
    path: 'etc/systemd/system.conf.d/50-live-migration.conf',
    text: MANAGER,
    why: 'a watch on memory.events finds no file in a restore, and a pressure trigger is lost in it, after which its owner spins',
    cost: "no memory accounting by default, no reaction to memory pressure; the container's own limits stay",
  },
  {
    path: 'etc/systemd/system/user@.service.d/60-live-migration.conf',
    text: USER_MANAGERS,
    why: "criu takes the program of a user manager's (sd-pam) for the descriptor that init holds of it, opened for its path only, and cannot run it",
    cost: 'managers of users start without PAM: what pam_limits and pam_env would set is theirs no more; logins keep it',
  },
  {
    path: 'etc/systemd/user.conf.d/50-live-migration.conf',
    text: MANAGER,
    why: 'managers of users have the same watches and triggers as init',
    cost: 'the same for units of users',
  },
  {
    path: 'etc/systemd/user/service.d/50-live-migration.conf',
    text: HEARD,
    why: 'managers of users know main processes in the same way as init',
    cost: 'every process of a service may speak to the manager for it',
  },
  {
    path: 'etc/systemd/system/systemd-networkd.service.d/60-live-migration.conf',
    text: NETWORKD,
    why: 'its monitor of sysctl settings is a BPF program; and the same as for the next',
    cost: 'it does not tell any more who changed a setting of the network that it had made',
  },
  {
    path: 'etc/systemd/system/console-getty.service.d/60-live-migration.conf',
    text: CONSOLE,
    why: "criu cannot dump who holds LXC's console, as its login does",
    cost: "no login at LXC's console (lxc-console); `godwit exec` is there",
  },
  {
    path: 'etc/systemd/system/systemd-logind.service.d/60-live-migration.conf',
    text: APART,
    why: SANDBOXED_WHY,
    cost: 'none that shows: what is mounted for it goes nowhere else anyway',
  },
  ...EARLY.map((unit) => ({
    path: `etc/systemd/system/${unit}.service.d/60-live-migration.conf`,
    text: SERVES_EARLY,
    why: `${SANDBOXED_WHY}; nor directories of a tmpfs that is mounted nowhere as a whole (PrivateTmp=disconnected)`,
    cost: "it sees the container's /tmp and /var/tmp",
  })),
];

/** What it needs besides where users are mapped. */
export const MAPPED_CHANGES: readonly Change[] = [
  'systemd-journald',
  'systemd-networkd',
  'systemd-resolved',
].map((unit) => ({
  path: `etc/systemd/system/${unit}.service.d/61-live-migration-mapped.conf`,
  text: WITHOUT_CREDENTIALS,
  why: 'with mapped users it has its credentials on a ramfs, which criu does not dump',
  cost: "it reads no credentials (systemd.exec's ImportCredential=)",
}));

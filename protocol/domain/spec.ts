import type { RequestedMode } from '../job.ts';

/** A container as its domain XML describes it, after parsing and defaults. Sizes in bytes, times in milliseconds. */
export interface DomainSpec {
  readonly name: string;
  readonly uuid: string;
  readonly title?: string;
  readonly description?: string;
  /** Hard memory limit. */
  readonly memoryBytes: number;
  readonly vcpus: number;
  readonly arch?: string;
  readonly os: OsSpec;
  readonly root: FilesystemSpec;
  /** Bind mounts other than the root, in document order. */
  readonly filesystems: readonly FilesystemSpec[];
  readonly interfaces: readonly InterfaceSpec[];
  readonly console: boolean;
  readonly policy: PolicySpec;
}

export interface OsSpec {
  readonly init: string;
  readonly initArgs: readonly string[];
  readonly initEnv: readonly { readonly name: string; readonly value: string }[];
  readonly initDir?: string;
}

/** `source` is a directory of the host for both types; libvirt-lxc means one inside the container by `bind`. */
export interface FilesystemSpec {
  readonly type: 'mount' | 'bind';
  readonly source: string;
  readonly target: string;
  readonly readonly: boolean;
}

export interface InterfaceSpec {
  readonly bridge: string;
  /** Always present: a document without one gets a stable address derived from uuid and index. */
  readonly mac: string;
  readonly addresses: readonly AddressSpec[];
  readonly guestName: string;
}

export interface AddressSpec {
  readonly family: 'ipv4' | 'ipv6';
  readonly address: string;
  readonly prefix: number;
}

/** godwit's own settings, from `<metadata>` (namespace https://godwit.dev/xmlns/domain/1). */
export interface PolicySpec {
  readonly mode: RequestedMode;
  readonly rootfs: 'shared';
  readonly iterations?: number | 'dynamic';
  readonly maxDowntimeMs?: number;
  readonly maxExposureMs?: number;
  readonly onNonconverge?: 'cutover' | 'abort' | 'postcopy' | 'throttle';
}

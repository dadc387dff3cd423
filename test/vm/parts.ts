import { join } from 'node:path';
import { execa } from 'execa';
import { checkout } from '../e2e/support/checkout.ts';

const BUILD_MS = 900_000;

/** Files a guest is started from, all in the cache. */
export interface Parts {
  readonly loader: string;
  readonly libraries: string;
  readonly qemu: string;
  readonly virtiofsd: string;
  /** Directories of it: QEMU's own, and the BIOS, which QEMU looks for where this machine's Debian would have it. */
  readonly firmware: readonly string[];
  readonly kernel: string;
  readonly initrd: string;
  readonly root: string;
  readonly scratch: string;
  readonly modules: string;
}

/** Builds what is not in the cache yet; progress goes to stderr. */
export async function buildParts(): Promise<Parts> {
  const { stdout } = await execa(join(checkout, 'test/vm/build'), { timeout: BUILD_MS, stderr: 'inherit' });
  const at = Object.fromEntries(stdout.split('\n').map((line) => line.split('=')));
  const { tools, guest, modules } = at;
  return {
    loader: `${tools}/usr/lib64/ld-linux-x86-64.so.2`,
    libraries: `${tools}/usr/lib/x86_64-linux-gnu`,
    qemu: `${tools}/usr/bin/qemu-system-x86_64`,
    virtiofsd: `${tools}/usr/libexec/virtiofsd`,
    firmware: [`${tools}/usr/share/qemu`, `${tools}/usr/share/seabios`],
    kernel: `${guest}/vmlinux`,
    initrd: `${guest}/initrd`,
    root: `${guest}/root.ext4`,
    scratch: `${guest}/scratch.ext4`,
    modules,
  };
}

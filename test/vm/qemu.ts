import { join } from 'node:path';
import type { Parts } from './parts.ts';

/** What a guest is made with. */
export interface MachineWish {
  readonly name: string;
  readonly memoryMib: number;
}

/**
 * QEMU's arguments, its program not among them.
 * @param dir holds the seed
 * @param port on this machine's loopback: leads to the guest's server
 */
export function qemuArguments(parts: Parts, wish: MachineWish, dir: string, port: number): string[] {
  return [
    ...parts.firmware.flatMap((place) => ['-L', place]),
    ...['-accel', 'tcg,thread=multi,tb-size=512', '-M', 'q35'],
    // Without ERMS the kernel clears pages quicker, without protection keys V8 runs quicker; AVX2 is emulated wrongly.
    ...['-cpu', 'max,-erms,-fsrm,-avx2,-pku', '-smp', '2', '-m', `${wish.memoryMib}M`],
    ...['-nographic', '-nodefaults', '-no-reboot', '-serial', 'stdio'],
    ...['-kernel', parts.kernel, '-initrd', parts.initrd],
    // A broken guest ends QEMU at once.
    ...['-append', 'console=ttyS0 quiet panic=-1 oops=panic mitigations=off nokaslr random.trust_cpu=on'],
    ...disk('root', parts.root, 'readonly=on'),
    ...disk('modules', parts.modules, 'readonly=on'),
    ...disk('scratch', parts.scratch, 'snapshot=on,cache=unsafe'),
    ...disk('seed', join(dir, 'seed'), 'readonly=on'),
    ...['-netdev', `user,restrict=on,hostfwd=tcp:127.0.0.1:${port}-10.0.2.15:7,id=n0`],
    ...['-device', 'virtio-net-pci,netdev=n0,mac=52:54:00:00:00:01,romfile='],
  ];
}

function disk(id: string, file: string, how: string): string[] {
  const drive = `file=${file},if=none,id=${id},format=raw,${how}`;
  return ['-drive', drive, '-device', `virtio-blk-pci,drive=${id}`];
}

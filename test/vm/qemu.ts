import { join } from 'node:path';
import type { Parts } from './parts.ts';

/** What a guest is made with. */
export interface MachineWish {
  readonly name: string;
  readonly memoryMib: number;
  /** 2 unless told. */
  readonly cpus?: number;
  /** A second network device, eth1: a cable to another guest. */
  readonly cable?: CableEnd;
  /** A directory of this machine, which the guest can mount: type virtiofs, source `share`. */
  readonly share?: string;
}

/** One end of a cable between two guests. */
export interface CableEnd {
  /** A unix socket, the same for both ends. */
  readonly socket: string;
  /** One end of the two makes the socket; the other one waits for it. */
  readonly makes: boolean;
}

/** In a guest's own directory: what serves its share. */
export function shareSocket(dir: string): string {
  return join(dir, 'share.socket');
}

/**
 * QEMU's arguments, its program not among them.
 * @param dir holds the seed
 * @param port on this machine's loopback: leads to the guest's server
 */
export function qemuArguments(parts: Parts, wish: MachineWish, dir: string, port: number): string[] {
  return [
    ...parts.firmware.flatMap((place) => ['-L', place]),
    ...['-accel', 'tcg,thread=multi,tb-size=512', '-M', wish.share ? 'q35,memory-backend=ram' : 'q35'],
    // Without ERMS the kernel clears pages quicker, without protection keys V8 runs quicker; AVX2 is emulated wrongly.
    ...['-cpu', 'max,-erms,-fsrm,-avx2,-pku', '-smp', String(wish.cpus ?? 2), '-m', `${wish.memoryMib}M`],
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
    ...(wish.cable ? cable(wish.cable) : []),
    ...(wish.share ? share(shareSocket(dir), wish.memoryMib) : []),
  ];
}

function cable({ socket, makes }: CableEnd): string[] {
  const role = makes ? 'server=on' : 'server=off,reconnect-ms=100';
  return [
    ...['-netdev', `stream,id=n1,${role},addr.type=unix,addr.path=${socket}`],
    ...['-device', `virtio-net-pci,netdev=n1,mac=52:54:00:00:01:0${makes ? 1 : 2},romfile=`],
  ];
}

/** Who serves it reads and writes the guest's memory. */
function share(socket: string, memoryMib: number): string[] {
  return [
    ...['-object', `memory-backend-memfd,id=ram,size=${memoryMib}M,share=on`],
    ...['-chardev', `socket,id=share,path=${socket}`],
    ...['-device', 'vhost-user-fs-pci,chardev=share,tag=share'],
  ];
}

function disk(id: string, file: string, how: string): string[] {
  const drive = `file=${file},if=none,id=${id},format=raw,${how}`;
  return ['-drive', drive, '-device', `virtio-blk-pci,drive=${id}`];
}

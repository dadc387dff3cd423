import type { InterfaceSpec } from '../../protocol/mod.ts';
import type { Clock } from '../effects/clock.ts';
import type { Runner } from '../effects/runner.ts';
import { announceFrames } from './announce-frames.ts';
import { hostFailed, wordsOf } from './failure.ts';
import { inNetwork } from './in-network.ts';

/** At once, then after these gaps: QEMU's schedule for a guest that has moved. */
const GAPS_MS = [50, 150, 250, 350] as const;
const DEADLINE_MS = 5_000;

/**
 * Sends frames on a packet socket. Perl because it is the one interpreter that every Debian has (perl-base is
 * essential) and Node has no packet sockets; everything that needs thought is done in announce-frames.ts.
 * Arguments: interface and frame in hexadecimal, in pairs. 17 = AF_PACKET, 3 = SOCK_RAW, 0x8933 = SIOCGIFINDEX.
 */
const SENDER = `
  socket(my $s, 17, 3, 0) or die "packet socket: $!\\n";
  while (my ($name, $hex) = splice(@ARGV, 0, 2)) {
    my $request = pack("a16 x24", $name);
    ioctl($s, 0x8933, $request) or die "interface $name: $!\\n";
    my $to = pack("S n i S C C a8", 17, 3, unpack("x16 i", $request), 0, 0, 6, pack("H12", $hex));
    send($s, pack("H*", $hex), 0, $to) or die "sending on $name: $!\\n";
  }`;

export interface AnnounceOptions {
  readonly runner: Runner;
  readonly clock: Clock;
  /** Ends the announcing early. */
  readonly signal?: AbortSignal;
}

/**
 * Tells the network where a container is now: gratuitous ARP and unsolicited neighbour advertisements, five times over
 * 800 ms, sent from inside its network namespace so that every bridge learns the way. Touches nothing in the container.
 * Resolves after the last one; the first has left when `onFirst` is called. @throws GodwitError HOST_FAILED
 */
export async function announceAddresses(
  initPid: number,
  interfaces: readonly InterfaceSpec[],
  options: AnnounceOptions,
  onFirst: () => void = () => {},
): Promise<void> {
  const up = interfaces.filter(({ link }) => link !== 'down');
  if (up.length === 0) return onFirst();
  await send(options.runner, initPid, up);
  onFirst();
  for (const gapMs of GAPS_MS) {
    await options.clock.sleep(gapMs, options.signal);
    await send(options.runner, initPid, up);
  }
}

async function send(runner: Runner, initPid: number, interfaces: readonly InterfaceSpec[]): Promise<void> {
  const pairs = interfaces.flatMap((nic) => announceFrames(nic).flatMap((frame) => [nic.guestName, frame]));
  const command = inNetwork(initPid, 'perl', ['-e', SENDER, ...pairs]);
  const result = await runner.run({ ...command, deadlineMs: DEADLINE_MS });
  if (result.exitCode !== 0) throw hostFailed('announcing the addresses of the container', wordsOf(result));
}

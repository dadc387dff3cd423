import type { Socket } from 'node:net';
import { LIMITS } from '../../protocol/limits.ts';
import type { Runner, RunningProcess } from '../effects/runner.ts';

const PROBE_MS = 10_000;

/** An interface of a container: its MAC address, and the host's end of its veth. */
export interface ContainerLink {
  readonly hostEnd: string;
  readonly mac: string;
}

/** A program at work on packet sockets. It ends when this does: its channel is closed then. */
export interface FrameChannel {
  readonly channel: Socket;
  /** Ends it. Never rejects; resolves with what it complained of, empty when all was well. */
  close(): Promise<string>;
}

/** A tap keeps no more than its sockets' buffers hold until it is told to listen. */
export interface FrameTap extends FrameChannel {
  listen(): void;
}

/**
 * Perl, for Node has no packet sockets and perl-base is on every Debian. 17 = AF_PACKET, 3 = SOCK_RAW, 263 = SOL_PACKET,
 * 15 = PACKET_VNET_HDR: the kernel puts ten bytes before each frame that tell of a checksum still to be made and of segments still
 * to be cut. What goes back through such a socket with them is what it was, also above the MTU. 0x8933 = SIOCGIFINDEX.
 */
const PACKET_SOCKETS = String.raw`
  use strict; use warnings;
  sub packets {
    socket(my $socket, 17, 3, 0) or die "packet socket: $!\n";
    setsockopt($socket, 263, 15, pack('i', 1)) or die "frames as they are: $!\n";
    return $socket;
  }
  sub index_of {
    my ($socket, $name) = @_;
    my $request = pack('a16 x24', $name);
    ioctl($socket, 0x8933, $request) or die "interface $name: $!\n";
    return unpack('x16 i', $request);
  }
  sub address { return pack('S n i S C C a8', 17, $_[0], $_[1], 0, 0, 6, $_[2]) }
`;

/**
 * Arguments: most frames, most bytes, then the host's end and the MAC address of each interface. Records on the channel: number of the
 * interface (1 byte), length (4), the kernel's ten bytes, the frame. Only TCP to the container, for TCP alone can lose a frame and get it
 * twice. 4 = PACKET_OUTGOING: what the host sends into the veth; 3 = ETH_P_ALL.
 */
const TAP = String.raw`${PACKET_SOCKETS}
  my ($frames, $bytes, @links) = @ARGV;
  open(my $agent, '+<&=', 3) or die "channel: $!\n";
  $SIG{PIPE} = sub { exit };
  my (@taps, @macs);
  while (my ($name, $mac) = splice(@links, 0, 2)) {
    my $tap = packets();
    setsockopt($tap, 1, 8, pack('i', 1 << 20));
    bind($tap, address(3, index_of($tap, $name), '')) or die "listening at $name: $!\n";
    push @taps, $tap;
    push @macs, pack('H12', $mac);
  }
  sysread($agent, my $word, 1) or exit;
  my $wanted = '';
  vec($wanted, fileno($_), 1) = 1 for $agent, @taps;
  while (select(my $ready = $wanted, undef, undef, undef) > 0) {
    exit if vec($ready, fileno($agent), 1);
    for my $number (grep { vec($ready, fileno($taps[$_]), 1) } 0 .. $#taps) {
      my $from = recv($taps[$number], my $frame, 1 << 17, 0) // next;
      next if (unpack('S n i S C', $from))[4] != 4 || length($frame) < 44;
      next if substr($frame, 10, 6) ne $macs[$number];
      my $type = unpack('n', substr($frame, 22, 2));
      my $protocol = $type == 0x0800 ? ord(substr($frame, 33, 1)) : $type == 0x86dd ? ord(substr($frame, 30, 1)) : 0;
      next if $protocol != 6;
      my $record = pack('C N', $number, length $frame) . $frame;
      exit if --$frames < 0 || ($bytes -= length $record) < 0;
      for (my $done = 0; $done < length $record; ) { $done += syswrite($agent, $record, length($record) - $done, $done) // exit }
    }
  }
`;

/** Arguments: the host's end of each interface, which need not be there before the first record. A frame that the kernel refuses is lost. */
const REPLAY = String.raw`${PACKET_SOCKETS}
  open(my $agent, '<&=', 3) or die "channel: $!\n";
  my ($socket, @index) = (packets());
  while ((read($agent, my $head, 5) // 0) == 5) {
    my ($number, $length) = unpack('C N', $head);
    die "a frame of $length bytes\n" if $length < 44 || $length > 1 << 17;
    last if (read($agent, my $frame, $length) // 0) != $length;
    my $name = $ARGV[$number] // die "there is no interface $number\n";
    $index[$number] //= index_of($socket, $name);
    send($socket, $frame, 0, address(unpack('n', substr($frame, 22, 2)), $index[$number], substr($frame, 10, 6)));
  }
`;

/** Takes down the TCP frames that are sent to a container, once told to. */
export function tapFrames(runner: Runner, links: readonly ContainerLink[], deadlineMs: number): FrameTap {
  const pairs = links.flatMap(({ hostEnd, mac }) => [hostEnd, mac.replaceAll(':', '')]);
  const { keptFrames, keptFrameBytes } = LIMITS;
  const tap = start(runner, TAP, [String(keptFrames), String(keptFrameBytes), ...pairs], deadlineMs);
  return { ...tap, listen: () => void tap.channel.write('!') };
}

/** Sends frames that a {@link tapFrames} took down into a container; it gets them as if they had just come. */
export function replayFrames(
  runner: Runner,
  links: readonly Pick<ContainerLink, 'hostEnd'>[],
  deadlineMs: number,
): FrameChannel {
  return start(
    runner,
    REPLAY,
    links.map(({ hostEnd }) => hostEnd),
    deadlineMs,
  );
}

/** What keeps this node from doing both; empty when nothing does. */
export async function framesLack(runner: Runner): Promise<string> {
  const args = ['-e', `${PACKET_SOCKETS} packets();`];
  const { exitCode, stderr } = await runner.run({ file: 'perl', args, deadlineMs: PROBE_MS });
  return exitCode === 0 ? '' : stderr.trim() || `perl ended with ${exitCode}`;
}

function start(runner: Runner, program: string, args: readonly string[], deadlineMs: number): FrameChannel {
  const child = runner.start({
    file: 'perl',
    args: ['-e', program, '--', ...args],
    deadlineMs,
    channel: true,
  });
  const channel = channelOf(child);
  return {
    channel,
    close: async () => {
      channel.destroy();
      const { stderr } = await child.ended;
      return stderr.trim();
    },
  };
}

function channelOf({ channel }: RunningProcess): Socket {
  if (!channel) throw new Error('a child with a channel has none');
  return channel;
}

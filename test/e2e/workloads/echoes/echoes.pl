# echoes.pl HOST: sends an echo request every tenth of a millisecond. Prints `ready` at the first answer; on SIGTERM it prints how many were
# sent, and how many answers came after a hundred requests in a row had none: when HOST had fallen silent.
use strict; use warnings; use Socket;

use constant SILENT => 100;
my $address = inet_aton($ARGV[0]) or die "$ARGV[0] is no host\n";
socket(my $socket, AF_INET, SOCK_RAW, 1) or die "raw socket: $!\n";
setsockopt($socket, SOL_SOCKET, SO_RCVBUF, 1 << 22);
my ($sent, $unanswered, $late, $ready, $over) = (0, 0, 0, 0, 0);
$SIG{TERM} = sub { $over = 1 };
$| = 1;
until ($over) {
  my $request = pack('CCnnn', 8, 0, 0, $$ & 0xffff, $sent & 0xffff);
  substr($request, 2, 2) = pack('n', checksum($request));
  # What the network does not take, because it does not know where HOST is, say, is not answered either.
  send($socket, $request, 0, sockaddr_in(0, $address));
  $sent++;
  $unanswered++;
  while (defined recv($socket, my $packet, 256, MSG_DONTWAIT)) {
    my ($type, $id) = unpack('C x3 n', substr($packet, (ord($packet) & 15) * 4));
    next if $type != 0 || $id != ($$ & 0xffff);
    print "ready\n" unless $ready++;
    $late++ if $unanswered > SILENT;
    # Once silent it stays so.
    $unanswered = 0 if $unanswered <= SILENT;
  }
  select(undef, undef, undef, 0.0001);
}
print "$sent $late\n";

sub checksum {
  my $sum = 0;
  $sum += $_ for unpack('n*', $_[0]);
  $sum = ($sum >> 16) + ($sum & 0xffff) while $sum >> 16;
  return ~$sum & 0xffff;
}

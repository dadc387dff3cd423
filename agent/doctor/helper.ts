/**
 * The program that the doctor dumps and restores: Perl, because every Debian has perl-base, it starts in milliseconds and
 * needs no compiler. Process 1 of a room (new pid, network and mount namespaces) sets the loopback up, and with the argument
 * `tree` starts two processes with a TCP connection between them and 4 MiB of memory each. On SIGUSR1 the client asks the
 * server through that connection for a counter and the checksum of its memory, compares both and writes the verdict into the
 * FIFO it was given. Events go to file descriptor 3, one line each.
 */
export const HELPER = String.raw`
use strict; use warnings; use Socket; use POSIX ();
my ($mode, $report) = @ARGV;
$SIG{ALRM} = sub { exit 1 }; alarm 120;
$SIG{CHLD} = 'IGNORE';
open(my $events, '>&=', 3) or die "events: $!";
select((select($events), $| = 1)[0]);
socket(my $control, AF_INET, SOCK_DGRAM, 0) or die "socket: $!";
my $up = pack('a16 s x22', 'lo', 1);
ioctl($control, 0x8914, $up) or die "loopback: $!";
close $control;
if ($mode eq 'tree') {
  # Pids that are free in the other room, where criu itself takes the first ones.
  open(my $last, '>', '/proc/sys/kernel/ns_last_pid') or die "ns_last_pid: $!";
  print $last 1000; close $last or die "ns_last_pid: $!";
  defined(my $pid = fork) or die "fork: $!";
  tree() if $pid == 0;
} else {
  print $events "empty\n";
}
select(undef, undef, undef, 1000) while 1;

sub tree {
  POSIX::setsid();
  chdir '/';
  open STDIN, '<', '/dev/null'; open STDOUT, '>', '/dev/null'; open STDERR, '>', '/dev/null';
  my $memory = pack('N*', 1 .. 65536) x 16;
  my $sum = unpack('%32N*', $memory);
  socket(my $listener, AF_INET, SOCK_STREAM, 0);
  bind($listener, sockaddr_in(0, INADDR_LOOPBACK));
  listen($listener, 1);
  my $name = getsockname($listener);
  if (fork == 0) {
    close $events; POSIX::close(3);
    accept(my $peer, $listener);
    select((select($peer), $| = 1)[0]);
    my $count = 0;
    while (<$peer>) { $count++; print $peer "$count " . unpack('%32N*', $memory) . "\n" }
    exit 0;
  }
  close $listener;
  socket(my $server, AF_INET, SOCK_STREAM, 0);
  connect($server, $name);
  select((select($server), $| = 1)[0]);
  my $count = 0;
  local $SIG{USR1} = sub {
    $count++;
    print $server "next\n";
    my $reply = <$server>;
    my $verdict = !defined $reply ? 'the connection is closed'
      : $reply ne "$count $sum\n" ? "the reply was '$reply' instead of '$count $sum'" : 'right';
    $verdict =~ tr/\n//d;
    open(my $out, '>', $report) or return;
    print $out "$verdict\n";
    close $out;
  };
  print $events "tree $$\n";
  close $events; POSIX::close(3);
  select(undef, undef, undef, 1000) while 1;
}
`;

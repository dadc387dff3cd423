/**
 * Two processes whose every page is known, for the page server's e2e test: arguments are the FIFO for reports and the MiB of
 * each process. Perl as in the doctor; memory comes from mmap(2) itself, so that its addresses and flags are known.
 *
 * Each process has an area of private memory, one that it locks later, and the tree one that is shared. It reports
 * `ready NUMBER ADDRESS PAGES FROM TO`: where its private memory is, and which pages of it the first SIGUSR1 changes (and
 * locks the second area, reports `changed NUMBER`). Later ones check every page and report `NUMBER right`, or what is wrong.
 * SIGUSR2: a forked child checks and reports.
 */
export const PAGES_WORKLOAD = String.raw`
use strict; use warnings; use POSIX ();
my ($report, $mib) = @ARGV;
my %call = (POSIX::uname())[4] eq 'aarch64'
  ? (read => 63, mmap => 222, mlock => 228) : (read => 0, mmap => 9, mlock => 149);
open(my $last, '>', '/proc/sys/kernel/ns_last_pid') or die "ns_last_pid: $!";
print $last 1000; close $last or die "ns_last_pid: $!";
$SIG{CHLD} = 'IGNORE';
process(1) if fork == 0;
select(undef, undef, undef, 1000) while 1;

sub process {
  my ($number) = @_;
  POSIX::setsid() if $number == 1;
  chdir '/';
  open STDIN, '<', '/dev/null'; open STDOUT, '>', '/dev/null'; open STDERR, '>', '/dev/null';
  our $shared;
  $shared //= fill(area('shared', 64, 0x21, 0));
  if ($number == 1 && fork == 0) { $number = 2 }
  my $private = fill(area('private', $mib * 256, 0x22, $number));
  my $locked = fill(area('locked', 16, 0x22, $number));
  my ($from, $to) = map { int($private->{pages} * $_) } 0.5, 0.5625;
  my $signals = 0;
  my $check = sub { join(', ', grep { $_ } map { wrong($_) } $private, $locked, $shared) || 'right' };
  $SIG{USR1} = sub {
    if ($signals++ == 0) {
      $private->{version}[$_] = 2 for $from .. $to - 1;
      poke($private, $_) for $from .. $to - 1;
      syscall($call{mlock}, $locked->{at}, $locked->{pages} * 4096) == 0 or return tell_all("mlock: $!");
      tell_all("changed $number");
    } else { tell_all("$number " . $check->()) }
  };
  $SIG{USR2} = sub {
    return if fork != 0;
    tell_all("child $number " . $check->());
    POSIX::_exit(0);
  };
  tell_all("ready $number $private->{at} $private->{pages} $from $to");
  select(undef, undef, undef, 1000) while 1;
}

sub area {
  my ($name, $pages, $flags, $number) = @_;
  my $at = syscall($call{mmap}, 0, $pages * 4096, 3, $flags, -1, 0);
  die "mmap: $!" if $at == -1;
  return { name => $name, at => $at, pages => $pages, number => $number, version => [(1) x $pages] };
}

sub fill { my ($area) = @_; poke($area, $_) for 0 .. $area->{pages} - 1; return $area }

sub content { my ($area, $page) = @_; return pack('a8NNN x12', @$area{'name', 'number'}, $page, $area->{version}[$page]) x 128 }

# Only the kernel can write to an address that Perl does not own.
sub poke {
  my ($area, $page) = @_;
  pipe(my $out, my $in);
  syswrite($in, content($area, $page));
  syscall($call{read}, fileno($out), $area->{at} + $page * 4096, 4096) == 4096 or die "read: $!";
}

sub wrong {
  my ($area) = @_;
  for my $page (0 .. $area->{pages} - 1) {
    return "$area->{name} $page" if unpack('P4096', pack('J', $area->{at} + $page * 4096)) ne content($area, $page);
  }
  return;
}

sub tell_all { open(my $out, '>', $report) or return; syswrite($out, "$_[0]\n"); close $out }
`;

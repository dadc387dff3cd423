import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../protocol/mod.ts';
import { CURES } from './cures.ts';
import { explain, explainLog } from './explain.ts';

const NOISE =
  "(00.023475) Error (criu/util.c:1534): rlimit: Can't setup RLIMIT_NOFILE for self: Operation not permitted";
const FAILED = '(00.043919) Error (criu/cr-dump.c:1975): Dumping FAILED.';

/** Lines as criu writes them, and a word of the cure that belongs to each. */
const KNOWN: readonly (readonly [string, RegExp])[] = [
  [
    '(00.20) Error (criu/tty.c:2286): tty: ctty inheritance detected sid/pgrp 103 (ctty pid_real 367 pty pid_real 357)',
    /bash/,
  ],
  [
    '(10.00) Error (compel/src/lib/infect.c:385): Unseizable non-zombie 31 found, state D, err -1/10',
    /vfork/,
  ],
  ["(00.01) Error (criu/sockets.c:495): Can't get 1:16 opt: Operation not supported", /CRIU 4\.2/],
  ['(00.00) Error (criu/vdso.c:401): vdso: Unexpected rt vDSO area bounds', /CRIU 4\.1/],
  ['(00.30) Error (criu/page-pipe.c:424): page-pipe: splice: -1: Bad file descriptor', /fs\.pipe-max-size/],
  ["(00.05) Error (criu/files-reg.c:1790): Can't lookup mount=28 for fd=2 path=/var/log/out", /\/dev\/null/],
  [
    "(00.05) Error (criu/files-reg.c:1790): Can't lookup mount=28 for fd=12 path=/srv/x",
    /outside the mounts/,
  ],
  [
    '(00.05) Error (criu/sk-unix.c:874): unix: External socket is used. Consider using --ext-unix-sk option.',
    /D-Bus/,
  ],
  [
    "(00.05) Error (criu/sk-unix.c:881): unix: Can't dump half of stream unix connection. name: ; peer name: x",
    /D-Bus/,
  ],
  [
    "(00.02) Error (criu/files-ext.c:94): Can't dump file 5 of that type [600] (unknown anon_inode:[io_uring])",
    /io_uring/,
  ],
  [
    "(00.03) Error (criu/files-reg.c:1031): Can't dump ghost file /tmp/x of 4194304 size, increase limit",
    /ghost-limit/,
  ],
  [
    "(00.02) Error (criu/files-ext.c:94): Can't dump file 5 of that type [20666] (chr 10:229 /dev/fuse)",
    /device/,
  ],
  [
    'Error (criu/util.c:643): execvp("iptables-restore", ...) failed: No such file or directory',
    /package iptables/,
  ],
  [
    '(00.02) Error (criu/net.c:3332): net: Locking network failed: iptables-restore returned -1. ',
    /package iptables/,
  ],
  ['(00.04) Error (criu/image.c:600): Unable to open pages-1.img: No space left on device', /tmpfs/],
  ["(00.09) Error (criu/net.c:3795): net: Can't add interface veth9 to bridge br7: No such device", /bridge/],
  ['(10.02) Error (compel/src/lib/infect.c:261): Unseizable non-zombie 71 found, state D, err -1/4', /vfork/],
  ['(00.12) Error (criu/sk-queue.c:144): skqueue: Control messages in queue, not supported', /journal/],
  ['(00.12) Error (criu/sk-netlink.c:77): netlink: The socket has data to read', /netlink socket/],
  [
    "70: Error (criu/files-reg.c:2353): Can't open file dev/null on restore: Operation not permitted",
    /device rules/,
  ],
  [
    "70: Error (criu/files-reg.c:2353): Can't open file etc/x on restore: No such file or directory",
    /root file systems/,
  ],
  ['(00.11) Error (criu/page-xfer.c:299): page-xfer: Missing 7f00 in parent pagemap', /pre-dumps/],
  [
    '(00.00) Error (criu/config.c:1130): Tracking memory is not available. Consider omitting --track-mem option.',
    /postcopy/,
  ],
  [
    '(00.10) Error (criu/files-reg.c:2175): File lib/libc.so.6 has bad size 10 (expect 20)',
    /root file systems/,
  ],
  ['(00.00) Error (criu/arch/x86/cpu.c:223): cpu: CPU instruction capabilities do not match run time', /CPU/],
  ["(00.10) Error (criu/cr-restore.c:1230): Can't fork for 86: File exists", /reap orphans/],
  ["(00.00) Error (criu/util.c:1250): Can't bind: Address already in use", /port is taken/],
  ['(00.02) Error (criu/uffd.c:1300): uffd: No lazy-pages socket', /daemon/],
  ['(10.00) Error (criu/cr-dump.c:1808): Timeout reached. Try to interrupt: 0', /state D/],
  [
    'pie: 88: Error (criu/pie/restorer.c:2001): sys_prctl(PR_SET_MM, PR_SET_MM_MAP) failed with -9',
    /prepare-rootfs/,
  ],
  [
    "1: Error (criu/mount-v2.c:1043): mnt-v2: Can't copy sharing from 150[/systemd/propagate/a.service] to 266[/systemd/propagate/b.service]",
    /MountFlags/,
  ],
  [
    '(00.00) Error (compel/src/lib/infect.c:259): The criu itself is within dumped tree.',
    /session of its own/,
  ],
  [
    '(00.50) Error (criu/action-scripts.c:94): Script /run/godwit/jobs/j/source/hook exited with -1',
    /job record/,
  ],
];

describe('explain', () => {
  it.each(KNOWN)('knows %s', (line, cure) => {
    const summary = explain([NOISE, '(00.01) Warn  (criu/x.c:1): not an error', line, FAILED].join('\n'));
    expect(summary.lines).toEqual([line, FAILED]);
    expect(summary.cure).toMatch(cure);
  });

  it('has no cure that no line reaches', () => {
    const reached = new Set(KNOWN.map(([line]) => explain(line).cure));
    const unreached = CURES.filter(({ cure }) => !reached.has(cure)).map(({ cure }) => cure);
    expect(unreached).toEqual([]);
  });

  it('says nothing about a log without errors', () => {
    expect(explain(`${NOISE}\n(00.04) Dumping finished successfully\n`)).toEqual({ lines: [], cure: '' });
  });

  it('quotes a bounded number of bounded lines', () => {
    const line = `(00.00) Error (criu/x.c:1): ${'x'.repeat(2_000)}`;
    const { lines, cure } = explain(Array(100).fill(line).join('\n'));
    expect(lines).toHaveLength(LIMITS.criuErrorLines);
    expect(lines[0]).toHaveLength(LIMITS.logLineChars);
    expect(cure).toBe('');
  });
});

describe('explainLog', () => {
  it('reads the file, takes a missing one for an empty one and survives bytes that are no text', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'godwit-log-'));
    try {
      const file = join(dir, 'dump.log');
      expect(await explainLog(file)).toEqual({ lines: [], cure: '' });
      writeFileSync(file, Buffer.concat([Buffer.from([0, 255, 10]), Buffer.from(FAILED)]));
      expect(await explainLog(file)).toEqual({ lines: [FAILED], cure: '' });
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

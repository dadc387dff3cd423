/** An ACL that lets user 1234 write, a default one for group 55, and attributes. There may be no setfacl where it runs. */
const SET_ATTRIBUTES = `
import os, struct
acl = lambda *rows: struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *row) for row in rows)
none = 0xffffffff
os.setxattr("acl", "system.posix_acl_access",
  acl((1, 6, none), (2, 6, 1234), (4, 4, none), (16, 6, none), (32, 4, none)))
os.setxattr("dir", "system.posix_acl_default",
  acl((1, 7, none), (4, 5, none), (8, 5, 55), (16, 5, none), (32, 0, none)))
os.setxattr("attr", "user.colour", b"blue")
os.setxattr("dir", "trusted.deep", b"1")
`;

/** Commands for bash that fill the working directory with one of everything that a file system knows. */
export const ODD_TREE = String.raw`
  mkdir -p dir/deep 'odd dir' empty; chmod 2751 dir
  echo one >dir/a; ln dir/a dir/b; ln -s ../nowhere dir/link; ln dir/link dir/link2
  echo odd >$'odd dir/new\nline \xff*?[x] '; echo - >-rf
  mknod null c 1 3; mkfifo pipe; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("sock")'
  truncate -s 20M sparse; printf x | dd of=sparse bs=1 seek=9000000 conv=notrunc status=none
  echo rights >acl; echo x >attr
  python3 -c '${SET_ATTRIBUTES}'
  chown 1234:55 acl; touch -d '2001-02-03 04:05:06.789012345' dir/a
  head -c 3000000 /dev/urandom >large`;

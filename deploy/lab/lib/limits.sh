# What criu needs where root lacks CAP_SYS_RESOURCE. Sourced by lab.
# shellcheck shell=bash

LAB_LIMITS_SOURCE=$LAB_HOME/criu/limits.c

# Sets LAB_LIMITS to the compiled criu/limits.c, or to nothing where criu can read all limits by itself.
limits_ensure() {
  local hash _
  LAB_LIMITS=''
  ! has_sys_resource || return 0
  read -r hash _ < <(sha256sum "$LAB_LIMITS_SOURCE")
  LAB_LIMITS=$LAB_CACHE/limits-${hash:0:16}.so
  [[ ! -e $LAB_LIMITS ]] || return 0
  command -v cc >/dev/null || die "cc is missing: run deploy/setup/install"
  mkdir -p "$LAB_CACHE"
  cc -O2 -Wall -Wextra -Werror -shared -fPIC -o "$LAB_LIMITS.$$" "$LAB_LIMITS_SOURCE" || die "limits.c could not be compiled"
  mv "$LAB_LIMITS.$$" "$LAB_LIMITS"
}

has_sys_resource() {
  local key value
  while read -r key value; do
    [[ $key != CapEff: ]] || return $((!(0x$value >> 24 & 1)))
  done </proc/self/status
}

# Puts a criu before the node's own that reads limits in the other way; /usr/local/sbin comes before it and stays free for tests.
limits_install() {
  local upper=$1
  [[ -n $LAB_LIMITS ]] || return 0
  mkdir -p "$upper/usr/local/lib" "$upper/usr/local/bin"
  cp "$LAB_LIMITS" "$upper/usr/local/lib/criu-limits.so"
  cat >"$upper/usr/local/bin/criu" <<'CRIU'
#!/bin/sh
LD_PRELOAD=/usr/local/lib/criu-limits.so exec /usr/sbin/criu "$@"
CRIU
  chmod 755 "$upper/usr/local/bin/criu"
}

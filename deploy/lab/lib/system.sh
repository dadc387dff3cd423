# The root of a system container, Debian with systemd and a few services: built once, kept in the cache. Sourced by lab.
# shellcheck shell=bash

LAB_SYSTEM_SUITE=trixie
LAB_SYSTEM_PACKAGES=systemd-sysv,systemd-resolved,systemd-timesyncd,dbus,libpam-systemd,openssh-server,cron,nginx-light,iproute2,procps

# Copies it to DIR, which must not exist.
system_copy() {
  local to=$1 source
  [[ ! -e $to ]] || die "$to exists"
  system_ensure source
  cp -a --reflink=auto "$source" "$to.tmp.$$"
  mv -T "$to.tmp.$$" "$to"
}

# Sets the variable of that name to the directory in the cache, building it first when it is not there.
system_ensure() {
  local -n directory=$1
  local hash _ lock began=$SECONDS
  read -r hash _ < <(sha256sum "$LAB_HOME/lib/system.sh")
  # shellcheck disable=SC2034 # the caller's
  directory=$LAB_CACHE/system-${hash:0:16}
  [[ ! -d $directory ]] || return 0
  command -v mmdebstrap >/dev/null || die "mmdebstrap is missing: run deploy/setup/install"
  mkdir -p "$LAB_CACHE"
  exec {lock}>"$LAB_CACHE/system.lock"
  flock -n "$lock" || { say "waiting for another build of the system root"; flock "$lock"; }
  if [[ ! -d $directory ]]; then
    say "building the root of system containers ($LAB_SYSTEM_SUITE, half a minute, once)"
    rm -rf --one-file-system "$LAB_CACHE"/system-*.tmp
    system_build "$directory.tmp" >"$LAB_CACHE/system.log" 2>&1 </dev/null ||
      { tail -n 15 "$LAB_CACHE/system.log" >&2; die "the root of system containers could not be built"; }
    mv -T "$directory.tmp" "$directory"
    say "  done after $((SECONDS - began)) s"
  fi
  exec {lock}>&-
}

system_build() {
  local to=$1
  mmdebstrap -q --variant=minbase --include="$LAB_SYSTEM_PACKAGES" --aptopt='Acquire::Check-Valid-Until "false"' \
    "$LAB_SYSTEM_SUITE" "$to" ${GODWIT_MIRROR:+"$GODWIT_MIRROR"} || return
  rm -rf "$to"/var/lib/apt/lists/* "$to"/usr/share/{doc,man,locale}/*
  # No modules to load and no archive to ask: these would fail or hang in a container without a way out.
  ln -s /dev/null "$to/etc/systemd/system/systemd-modules-load.service"
  ln -s /dev/null "$to/etc/systemd/system/apt-daily.timer"
  ln -s /dev/null "$to/etc/systemd/system/apt-daily-upgrade.timer"
}

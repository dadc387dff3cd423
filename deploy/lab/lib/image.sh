# The nodes' image: built once with mmdebstrap, kept in the cache under the hash of its recipe. Sourced by lab.
# shellcheck shell=bash

LAB_SUITE=forky
LAB_PACKAGES=(
  criu lxc runc nodejs nats-server tini
  iproute2 iptables nftables iputils-ping iputils-arping ca-certificates
  busybox-static procps mount util-linux bsdextrautils bsdutils rsync python3-minimal perl-base
  redis-server redis-tools
)

# Sets LAB_IMAGE, building the image first when it is not there. GODWIT_LAB_IMAGE names a ready one.
image_ensure() {
  local lock temporary recipe
  if [[ -n ${GODWIT_LAB_IMAGE:-} ]]; then
    LAB_IMAGE=$GODWIT_LAB_IMAGE
    [[ -x $LAB_IMAGE/usr/bin/tini ]] || die "GODWIT_LAB_IMAGE is not a node image: $LAB_IMAGE"
    return
  fi
  recipe=$(sha256sum "$LAB_HOME/lib/image.sh")
  LAB_IMAGE=$LAB_CACHE/image-${recipe:0:16}
  [[ ! -d $LAB_IMAGE ]] || return 0
  command -v mmdebstrap >/dev/null || die "mmdebstrap is missing: run deploy/setup/install"
  mkdir -p "$LAB_CACHE"
  # mmdebstrap inherits the lock: should this shell be killed, nobody builds beside the orphan.
  exec {lock}>"$LAB_CACHE/image.lock"
  flock -n "$lock" || { say "waiting for another build of the node image"; flock "$lock"; }
  if [[ ! -d $LAB_IMAGE ]]; then
    rm -rf --one-file-system "$LAB_CACHE"/image-*.tmp
    temporary=$LAB_IMAGE.tmp
    image_build "$temporary"
    mv -T "$temporary" "$LAB_IMAGE"
  fi
  exec {lock}>&-
}

image_build() {
  local to=$1 log=$LAB_CACHE/image.log packages began=$SECONDS pid line last=
  local IFS=,
  packages="${LAB_PACKAGES[*]}"
  unset IFS
  say "building the node image ($LAB_SUITE, about 40 s, once); log: $log"
  # A mirror's Release file may be older than its validity. No init runs in a node, so no service starts by itself.
  mmdebstrap --variant=apt --skip=cleanup/apt/lists --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='APT::Install-Recommends "false"' \
    --include="$packages" "$LAB_SUITE" "$to" ${GODWIT_MIRROR:+"$GODWIT_MIRROR"} >"$log" 2>&1 &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    nap 2
    line=$(grep -E '^I: ' "$log" | tail -n 1 || true)
    [[ $line == "$last" ]] || say "  $((SECONDS - began)) s: ${line#I: }"
    last=$line
  done
  wait "$pid" || { tail -n 15 "$log" >&2; die "the node image could not be built"; }
  rm -rf "$to"/var/cache/apt/archives/*.deb "$to"/var/lib/apt/lists/* "$to"/etc/machine-id "$to"/etc/resolv.conf
  chroot "$to" dpkg-query -W -f '${Package} ${Version}\n' "${LAB_PACKAGES[@]}" >"$to/etc/godwit-image"
  say "node image ready after $((SECONDS - began)) s ($(du -sxh "$to" | cut -f1))"
}

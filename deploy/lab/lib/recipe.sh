# How the node image is made. The image's name in the cache is the hash of this file. Sourced by image.sh.
# shellcheck shell=bash

# forky: the first Debian whose CRIU dumps TCP sockets on current kernels.
LAB_SUITE=forky
LAB_PACKAGES=(
  criu lxc runc nodejs nats-server tini
  iproute2 iptables nftables iputils-ping iputils-arping ca-certificates
  busybox-static procps mount util-linux bsdutils rsync zstd python3-minimal perl-base
  redis-server redis-tools
)

# Builds the image in directory TO. A mirror's Release file may be older than its validity, hence the option. A node
# runs no init system, so that no service starts by itself.
recipe_run() {
  local to=$1 packages IFS=,
  packages="${LAB_PACKAGES[*]}"
  unset IFS
  mmdebstrap --variant=apt --include="$packages" \
    --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='APT::Install-Recommends "false"' \
    "$LAB_SUITE" "$to" ${GODWIT_MIRROR:+"$GODWIT_MIRROR"} || return
  rm -rf "$to"/var/cache/apt/*.bin "$to"/var/lib/apt/lists/* "$to"/etc/machine-id "$to"/etc/resolv.conf "$to"/usr/share/doc/*
  # shellcheck disable=SC2016 # dpkg-query's own placeholders
  chroot "$to" dpkg-query -W -f '${Package} ${Version}\n' "${LAB_PACKAGES[@]}" >"$to/etc/godwit-image"
}

# How the guest is made; the cache's names are hashes of this file. Sourced by build.
# shellcheck shell=bash

# trixie: QEMU 10 (7.2 breaks guests with two processors) and a 6.12 kernel that tracks dirty memory.
VM_SUITE=trixie
VM_PACKAGES=(qemu-system-x86 virtiofsd linux-image-cloud-amd64 kmod zstd e2fsprogs xz-utils)
# What only builds or checks; 130 MB.
VM_NOT_MODULES=(@biomejs @typescript typescript @asyncapi @stoplight es-abstract .installed)

# Unpacks the packages and all they depend on; runs none of their scripts.
tools_make() {
  local to=$1
  mmdebstrap --variant=extract --include="$(IFS=,; echo "${VM_PACKAGES[*]}")" \
    --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' "$VM_SUITE" "$to" ${GODWIT_MIRROR:+"$GODWIT_MIRROR"}
}

# tool TOOLS PROGRAM [ARG...]: runs a program of the unpacked tree with that tree's libraries.
tool() {
  local tools=$1 program=$2
  shift 2
  "$tools/usr/lib64/ld-linux-x86-64.so.2" --library-path "$tools/usr/lib/x86_64-linux-gnu" --argv0 "${program##*/}" \
    "$(readlink -f "$tools/$program")" "$@"
}

guest_make() {
  local to=$1 tools=$2 image=$3 kernel root=$1/root
  kernel=$(basename "$tools"/usr/lib/modules/*)
  grep -q CONFIG_MEM_SOFT_DIRTY=y "$tools/boot/config-$kernel" || return
  mkdir -p "$to"
  kernel_unpack "$tools" "$tools/boot/vmlinuz-$kernel" "$to/vmlinux" || return
  cp -a "$image" "$root" || return
  cp -a "$tools/usr/lib/modules" "$root/usr/lib/" || return
  tool "$tools" usr/sbin/depmod -b "$root" "$kernel" || return
  cp "$tools/usr/bin/kmod" "$root/usr/bin/"
  ln -sf ../bin/kmod "$root/usr/sbin/modprobe"
  mkdir -p "$root/vm" "$root/image" "$root/scratch" "$root/godwit"
  cp -a "$VM_HOME/guest" "$root/vm/"
  # Compiled: Debian's node takes no TypeScript.
  cp "$VM_CHECKOUT/dist/test/vm/frames.js" "$root/vm/"
  cp "$VM_CHECKOUT/dist/test/vm/guest/server.js" "$root/vm/guest/"
  ln -s guest/init "$root/vm/init"
  echo '{"type":"module"}' >"$root/vm/package.json"
  # V8 compiles slowly under emulation: what it compiled is kept, in the guest and in each of the lab's nodes.
  printf '#!/bin/sh\nNODE_COMPILE_CACHE=/var/cache/node exec /usr/bin/node "$@"\n' >"$root/usr/local/bin/node"
  chmod 755 "$root/usr/local/bin/node"
  ln -s /godwit/deploy/lab/lab "$root/usr/local/bin/lab"
  ln -s /godwit/dist/cli/main.js "$root/usr/local/bin/godwit"
  initrd_make "$tools" "$root" "$to/initrd" "$kernel" || return
  disk_make "$tools" "$to/root.ext4" 1200M "$root" || return
  disk_make "$tools" "$to/scratch.ext4" 6G || return
  rm -rf --one-file-system "$root"
}

# The kernel's zstd payload; unpacking it here spares 1.5 s of emulation at each boot.
kernel_unpack() {
  local tools=$1 from=$2 to=$3 offset
  for offset in $(LC_ALL=C grep -obUaF $'\x28\xb5\x2f\xfd' "$from" | cut -d: -f1); do
    tail -c +$((offset + 1)) "$from" | tool "$tools" usr/bin/zstd -dqc 2>/dev/null >"$to"
    [[ $(head -c 4 "$to") != $'\x7fELF' ]] || return 0
  done
  return 1
}

initrd_make() {
  local tools=$1 root=$2 to=$3 kernel=$4 dir=$1.initrd module
  rm -rf "$dir"
  mkdir -p "$dir"/{bin,dev,proc,lib,image,scratch,root}
  cp "$root/usr/bin/busybox" "$dir/bin/"
  cp "$VM_HOME/guest/initrd" "$dir/init"
  chmod 755 "$dir/init"
  for module in drivers/block/virtio_blk fs/overlayfs/overlay; do
    tool "$tools" usr/bin/xz -dc "$root/usr/lib/modules/$kernel/kernel/$module.ko.xz" >"$dir/lib/${module##*/}.ko" || return
  done
  (cd "$dir" && find . | ./bin/busybox cpio -o -H newc) >"$to" || return
  rm -rf "$dir"
}

# disk_make TOOLS FILE SIZE [DIR]: an ext4 file system with DIR's content.
disk_make() {
  local tools=$1 file=$2 size=$3 dir=${4:-}
  truncate -s "$size" "$file"
  tool "$tools" usr/sbin/mke2fs -q -F -t ext4 -O '^has_journal,^metadata_csum' -E lazy_itable_init=1,nodiscard -m 0 ${dir:+-d "$dir"} "$file"
}

modules_make() {
  local to=$1 tools=$2 dir=$1.dir name without=()
  for name in "${VM_NOT_MODULES[@]}"; do without+=(--exclude="/$name"); done
  rsync -a "${without[@]}" "$VM_CHECKOUT/node_modules/" "$dir/" || return
  : >"$dir/.installed"
  disk_make "$tools" "$to" 700M "$dir" || return
  rm -rf "$dir"
}

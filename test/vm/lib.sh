# Names and helpers of the vm's scripts. Sourced.
# shellcheck shell=bash disable=SC2034

VM_HOME=$(cd "${BASH_SOURCE[0]%/*}" && pwd -P)
VM_CHECKOUT=$(cd "$VM_HOME/../.." && pwd -P)
VM_CACHE=${GODWIT_CACHE:-/var/cache/godwit}

say() { printf 'vm: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# hash_of FILE...: first 16 digits of the hash of the files' content.
hash_of() { cat -- "$@" | sha256sum | cut -c1-16; }

# Names, places and small helpers. Sourced by every verb, `lab exec` included: nothing here may start a process.
# shellcheck shell=bash disable=SC2034

LAB_NAME=${GODWIT_LAB:-lab}
LAB_STATE_ROOT=${GODWIT_LAB_STATE:-/run/godwit-lab}
LAB_STATE=$LAB_STATE_ROOT/$LAB_NAME
LAB_DISK=${GODWIT_LAB_DISK:-/var/lib/godwit-lab}/$LAB_NAME
LAB_CACHE=${GODWIT_CACHE:-/var/cache/godwit}
LAB_SWITCH=$LAB_STATE/switch.netns
# Control groups of this instance are lab-NAME.PART; the dot cannot occur in NAME, so no instance is a prefix of another.
LAB_GROUP=lab-$LAB_NAME
LAB_CLIENT_ADDRESS=10.77.0.1
LAB_MAX_NODES=64

say() { printf 'lab: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
usage() { say "$*"; exit 2; }

# Exit code for "the lab itself failed" in verbs that otherwise hand on a command's own code (as ssh does).
die_exec() { say "$*"; exit 255; }

[[ $LAB_NAME =~ ^[a-z0-9][a-z0-9-]{0,23}$ ]] || usage "GODWIT_LAB must match [a-z0-9][a-z0-9-]*, at most 24 characters"

# node_address n3 -> 10.77.0.13
node_address() { printf '10.77.0.%d' $((10 + ${1#n})); }

node_known() { [[ ${1:-} =~ ^n[1-9][0-9]?$ && -d $LAB_STATE/nodes/$1 ]]; }

need_lab() { [[ -d $LAB_STATE/nodes ]] || die "lab '$LAB_NAME' is not up"; }

need_node() {
  [[ -n ${1:-} ]] || usage "name a node"
  need_lab
  node_known "$1" || die "no node '$1' in lab '$LAB_NAME'"
}

# Calls a function until it succeeds, for states of the kernel that come without an event.
# wait_until SECONDS FUNCTION [ARG...]
wait_until() {
  local deadline=$((SECONDS + $1 + 1)) pause=0.005
  shift
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    nap "$pause"
    [[ $pause == 0.005 ]] && pause=0.02 || pause=0.05
  done
}

# Sleeps without starting a process.
nap() {
  [[ -n ${LAB_NAP_FD:-} ]] || exec {LAB_NAP_FD}<> <(:)
  read -r -t "$1" -u "$LAB_NAP_FD" || true
}

# One lab command at a time changes an instance. The lock is a file that `up` makes and `down` removes, hence the
# second look; the other verbs must not make it again after a `down` that they waited for.
# lab_lock [create]
lab_lock() {
  local file=$LAB_STATE_ROOT/$LAB_NAME.lock attempt
  for attempt in {1..50}; do
    # May fail when the `down` of another instance removes the empty directory at this moment.
    [[ ${1:-} != create ]] || { mkdir -p "$LAB_STATE_ROOT" && : >>"$file"; } 2>/dev/null || nap 0.01
    if { exec {LAB_LOCK_FD}<"$file"; } 2>/dev/null; then
      flock -n "$LAB_LOCK_FD" || { say "waiting for another lab command on '$LAB_NAME'"; flock "$LAB_LOCK_FD"; }
      [[ ! $file -ef /proc/self/fd/$LAB_LOCK_FD ]] || return 0
      exec {LAB_LOCK_FD}<&-
    elif [[ ${1:-} != create ]]; then
      die "lab '$LAB_NAME' is not up"
    fi
  done
  die "cannot lock $file after $attempt attempts"
}

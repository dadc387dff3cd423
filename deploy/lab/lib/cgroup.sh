# Control groups of the lab, for cgroup v1, v2 and both at once. Sourced by lab and node/start, node/init.
# shellcheck shell=bash
#
# Starts no processes: it runs for every node, and on a busy machine forks are what a lab start waits for.

# Fills CG_VERSION, CG_MOUNT and CG_OPTIONS, an entry a mounted hierarchy; OPTIONS is what mounts it again.
cgroup_load() {
  local mountpoint type options seen=' '
  CG_VERSION=() CG_MOUNT=() CG_OPTIONS=()
  while read -r _ mountpoint type options _; do
    case $type in
      cgroup2) options=unified ;;
      cgroup) cgroup_v1_options "$options" ;;
      *) continue ;;
    esac
    [[ $seen != *" $options "* ]] || continue
    seen+="$options "
    [[ $type == cgroup2 ]] && CG_VERSION+=(v2) || CG_VERSION+=(v1)
    CG_MOUNT+=("$mountpoint")
    CG_OPTIONS+=("$options")
  done </proc/mounts
}

# Leaves in the caller's `options` what names a v1 hierarchy: rw,nosuid,cpu,cpuacct -> cpu,cpuacct
cgroup_v1_options() {
  local option kept=() IFS=,
  for option in $1; do
    case $option in
      rw | ro | nosuid | nodev | noexec | relatime | noatime | xattr | clone_children | release_agent=* | seclabel) ;;
      *) kept+=("$option") ;;
    esac
  done
  options="${kept[*]}"
}

# Makes the group NAME in each hierarchy, ready for tasks.
cgroup_make() {
  local name=$1 dir i
  cgroup_load
  for i in "${!CG_MOUNT[@]}"; do
    dir=${CG_MOUNT[i]}/$name
    [[ ${CG_VERSION[i]} == v1 ]] || cgroup_enable_root "${CG_MOUNT[i]}"
    mkdir -p "$dir"
    if [[ ${CG_VERSION[i]} == v1 && -e $dir/cpuset.cpus ]]; then
      # A new v1 cpuset is empty, and nothing can enter an empty one.
      echo 1 >"$dir/cgroup.clone_children"
      echo "$(<"${CG_MOUNT[i]}/cpuset.cpus")" >"$dir/cpuset.cpus"
      echo "$(<"${CG_MOUNT[i]}/cpuset.mems")" >"$dir/cpuset.mems"
    fi
  done
}

# Prints the files that move a task into group NAME; in cgroup v2 that is its child LEAF, where one is given.
cgroup_procs() {
  local name=$1 leaf=${2:-} i
  for i in "${!CG_MOUNT[@]}"; do
    [[ ${CG_VERSION[i]} == v2 && -n $leaf ]] && echo "${CG_MOUNT[i]}/$name/$leaf/cgroup.procs" || echo "${CG_MOUNT[i]}/$name/cgroup.procs"
  done
}

# Hands controllers of cgroup2 down from the root; what we had to add is noted, so that the last `down` takes it back.
# Without any controller there lxc-checkpoint crashes, and v2-only machines need them all for limits.
cgroup_enable_root() {
  local control=$1/cgroup.subtree_control controller enabled
  read -r enabled <"$control" || true
  for controller in $(<"$1/cgroup.controllers"); do
    [[ " $enabled " != *" $controller "* ]] || continue
    if echo "+$controller" 2>/dev/null >"$control"; then
      echo "$controller $control" >>"$LAB_STATE_ROOT/enabled-controllers"
    fi
  done
}

# Takes back what cgroup_enable_root did, once no lab group is left on the machine.
cgroup_disable_root() {
  local controller control
  [[ -s $LAB_STATE_ROOT/enabled-controllers ]] || return 0
  cgroup_dirs 'lab-*'
  [[ ${#CG_DIRS[@]} -eq 0 ]] || return 0
  while read -r controller control; do
    echo "-$controller" 2>/dev/null >"$control" || true
  done <"$LAB_STATE_ROOT/enabled-controllers"
  rm -f "$LAB_STATE_ROOT/enabled-controllers"
}

# Fills CG_DIRS with the groups whose name matches PATTERN, in all hierarchies: with their children, children first.
cgroup_dirs() {
  local pattern=$1 mountpoint dir reset
  reset=$(shopt -p nullglob globstar dotglob || true)
  shopt -s nullglob globstar dotglob
  cgroup_load
  CG_DIRS=()
  for mountpoint in "${CG_MOUNT[@]}"; do
    # shellcheck disable=SC2231 # the pattern is to be expanded
    for dir in "$mountpoint"/$pattern/**/; do CG_DIRS=("${dir%/}" "${CG_DIRS[@]}"); done
  done
  eval "$reset"
}

# Kills every task of the groups whose name matches PATTERN and removes the groups. A frozen task gets its SIGKILL
# before it is thawed, so it never runs again: this is a power cut.
cgroup_destroy() {
  wait_until 20 cgroup_destroy_once "$1" || die "cannot remove control groups $1"
}

cgroup_destroy_once() {
  local dir pid pids
  cgroup_dirs "$1"
  [[ ${#CG_DIRS[@]} -gt 0 ]] || return 0
  for dir in "${CG_DIRS[@]}"; do
    if [[ -e $dir/cgroup.kill ]]; then echo 1 2>/dev/null >"$dir/cgroup.kill" || true; fi
    pids=()
    # Pid 0 stands for a task of another pid namespace; kill would take it for our own process group.
    { while read -r pid; do [[ $pid == 0 ]] || pids+=("$pid"); done <"$dir/cgroup.procs"; } 2>/dev/null || continue
    [[ ${#pids[@]} -eq 0 ]] || kill -KILL "${pids[@]}" 2>/dev/null || true
  done
  for dir in "${CG_DIRS[@]}"; do
    [[ ! -e $dir/freezer.state ]] || echo THAWED 2>/dev/null >"$dir/freezer.state" || true
  done
  rmdir "${CG_DIRS[@]}" 2>/dev/null || true
  cgroup_dirs "$1"
  [[ ${#CG_DIRS[@]} -eq 0 ]]
}

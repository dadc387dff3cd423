# Control groups of the lab, for cgroup v1, v2 and both at once. Sourced by lab.
# shellcheck shell=bash

# Prints one line a hierarchy: "v1|v2 MOUNTPOINT OPTIONS", OPTIONS being what mounts it again (v1: controllers or name=).
cgroup_hierarchies() {
  local mountpoint type options
  while read -r _ mountpoint type options _; do
    case $type in
      cgroup2) printf 'v2 %s -\n' "$mountpoint" ;;
      cgroup) printf 'v1 %s %s\n' "$mountpoint" "$(cgroup_v1_options "$options")" ;;
    esac
  done </proc/mounts | awk '!seen[$1 $3]++'
}

# Leaves of the mount options what names the hierarchy: rw,nosuid,cpu,cpuacct -> cpu,cpuacct
cgroup_v1_options() {
  local option out=()
  local IFS=,
  for option in $1; do
    case $option in
      rw | ro | nosuid | nodev | noexec | relatime | noatime | xattr | clone_children | release_agent=* | seclabel) ;;
      *) out+=("$option") ;;
    esac
  done
  printf '%s' "${out[*]}"
}

# Makes the group NAME in each hierarchy, ready for tasks.
cgroup_make() {
  local name=$1 version mountpoint options dir
  while read -r version mountpoint options; do
    dir=$mountpoint/$name
    [[ $version != v2 ]] || cgroup_enable_root "$mountpoint"
    mkdir -p "$dir"
    if [[ -e $dir/cpuset.cpus && $version == v1 ]]; then
      # A new v1 cpuset is empty, and nothing can enter an empty one.
      echo 1 >"$dir/cgroup.clone_children"
      cat "$mountpoint/cpuset.cpus" >"$dir/cpuset.cpus"
      cat "$mountpoint/cpuset.mems" >"$dir/cpuset.mems"
    fi
  done < <(cgroup_hierarchies)
}

# Hands controllers of cgroup2 down from the root; what we had to add is noted, so that the last `down` takes it back.
# Without any controller there lxc-checkpoint crashes, and v2-only machines need them all for limits.
cgroup_enable_root() {
  local control=$1/cgroup.subtree_control controller
  for controller in $(<"$1/cgroup.controllers"); do
    [[ " $(<"$control") " != *" $controller "* ]] || continue
    if echo "+$controller" 2>/dev/null >"$control"; then
      echo "$controller $control" >>"$LAB_STATE_ROOT/enabled-controllers"
    fi
  done
}

# Takes back what cgroup_enable_root did, once no lab group is left on the machine.
cgroup_disable_root() {
  local controller control
  [[ -s $LAB_STATE_ROOT/enabled-controllers ]] || return 0
  ! cgroup_any_lab || return 0
  while read -r controller control; do
    echo "-$controller" 2>/dev/null >"$control" || true
  done <"$LAB_STATE_ROOT/enabled-controllers"
  rm -f "$LAB_STATE_ROOT/enabled-controllers"
}

cgroup_any_lab() {
  local mountpoint
  while read -r _ mountpoint _; do
    ! compgen -G "$mountpoint/lab-*" >/dev/null || return 0
  done < <(cgroup_hierarchies)
  return 1
}

# Directories of all groups of this instance whose last part matches PATTERN, in all hierarchies, children included.
cgroup_dirs() {
  local pattern=$1 mountpoint dirs=()
  while read -r _ mountpoint _; do
    mapfile -t -O "${#dirs[@]}" dirs < <(compgen -G "$mountpoint/$LAB_GROUP.$pattern" || true)
  done < <(cgroup_hierarchies)
  [[ ${#dirs[@]} -eq 0 ]] || find "${dirs[@]}" -depth -type d 2>/dev/null || true
}

# Kills every task of the groups, also frozen ones, and removes the groups. A frozen task gets its SIGKILL before it
# is thawed, so it never runs again: this is a power cut.
cgroup_destroy() {
  local pattern=$1
  wait_until 20 cgroup_destroy_once "$pattern" || die "cannot remove control groups $LAB_GROUP.$pattern"
}

cgroup_destroy_once() {
  local dir pid dirs=()
  mapfile -t dirs < <(cgroup_dirs "$1")
  [[ ${#dirs[@]} -gt 0 ]] || return 0
  for dir in "${dirs[@]}"; do
    [[ ! -e $dir/cgroup.kill ]] || echo 1 2>/dev/null >"$dir/cgroup.kill" || true
    while read -r pid; do
      ((pid == 0 || pid == BASHPID)) || kill -KILL "$pid" 2>/dev/null || true
    done < <(cat "$dir/cgroup.procs" 2>/dev/null || true)
  done
  for dir in "${dirs[@]}"; do
    [[ ! -e $dir/freezer.state ]] || echo THAWED 2>/dev/null >"$dir/freezer.state" || true
  done
  rmdir "${dirs[@]}" 2>/dev/null || true
  mapfile -t dirs < <(cgroup_dirs "$1")
  [[ ${#dirs[@]} -eq 0 ]]
}

# Prints the files that move a task into group NAME; in cgroup v2 that is its child LEAF, where one is given.
cgroup_procs() {
  local name=$1 leaf=${2:-} version mountpoint
  while read -r version mountpoint _; do
    if [[ $version == v2 && -n $leaf ]]; then
      echo "$mountpoint/$name/$leaf/cgroup.procs"
    else
      echo "$mountpoint/$name/cgroup.procs"
    fi
  done < <(cgroup_hierarchies)
}

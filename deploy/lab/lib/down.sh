# Taking a lab away, also one that was left half made. Sourced by lab.
# shellcheck shell=bash

lab_down() {
  [[ $# -eq 0 ]] || usage "usage: lab down"
  lab_lock create
  lab_clean
  rm -f "$LAB_STATE_ROOT/$LAB_NAME.lock"
  rmdir "$LAB_STATE_ROOT" "${LAB_DISK%/*}" 2>/dev/null || true
}

# Finds what belongs to the instance by name, not by what a previous run wrote down: that run may have been killed.
lab_clean() {
  cgroup_destroy "$LAB_GROUP.*"
  switch_destroy
  rm -rf --one-file-system "$LAB_STATE" "$LAB_DISK"
  cgroup_disable_root
}

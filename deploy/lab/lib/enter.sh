# Running things inside a node or on the lab's network. Sourced on the quick path.
# shellcheck shell=bash

LAB_ENV=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "TERM=${TERM:-dumb}")

# lab exec NODE -- CMD...: hands on stdin, stdout, stderr and the exit code; 255 when the node cannot be entered.
lab_exec() {
  local node=${1:-}
  (($# < 2)) || shift
  [[ ${1:-} != -- ]] || shift
  [[ -n $node && $# -gt 0 ]] || usage "usage: lab exec NODE -- CMD..."
  enter_node "$node" "$@"
}

# lab sh NODE: an interactive shell. It gets a terminal of the node's own, so that job control works.
lab_sh() {
  if [[ -t 0 ]]; then
    enter_node "${1:-}" script -q -c 'bash -l' /dev/null
  else
    enter_node "${1:-}" bash -l
  fi
}

# Never returns. The process first joins the node's control groups, then its namespaces; SIGTERM reaches the
# command when nsenter is killed.
enter_node() {
  local node=$1 pid group groups=()
  shift
  node_known "$node" || die_exec "no node '$node' in lab '$LAB_NAME'"
  [[ -r $LAB_STATE/nodes/$node/pid ]] || die_exec "node '$node' is off"
  read -r pid <"$LAB_STATE/nodes/$node/pid"
  mapfile -t groups <"$LAB_STATE/nodes/$node/procs"
  for group in "${groups[@]}"; do
    echo 0 2>/dev/null >"$group" || die_exec "node '$node' is off"
  done
  exec nsenter --target "$pid" --mount --uts --ipc --net --pid --cgroup --wdns=/root \
    /usr/bin/env -i "${LAB_ENV[@]}" /usr/bin/setpriv --pdeathsig TERM -- "$@"
}

# lab client -- CMD...: a user's machine: on the lab's network, outside all nodes, `godwit` in PATH, NATS_URL set.
lab_client() {
  local node urls=() group groups=()
  [[ ${1:-} != -- ]] || shift
  [[ $# -gt 0 ]] || usage "usage: lab client -- CMD..."
  [[ -e $LAB_SWITCH ]] || die_exec "lab '$LAB_NAME' is not up"
  for node in "$LAB_STATE"/nodes/*; do
    urls+=("nats://10.77.0.$((10 + ${node##*/n})):4222")
  done
  mapfile -t groups <"$LAB_STATE/client-procs"
  for group in "${groups[@]}"; do
    echo 0 2>/dev/null >"$group" || die_exec "lab '$LAB_NAME' is going down"
  done
  local IFS=,
  export NATS_URL="${urls[*]}" PATH="$LAB_STATE/bin:$PATH"
  exec nsenter --net="$LAB_SWITCH" -- "$@"
}

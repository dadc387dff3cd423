# Making a lab, and saying what there is. Sourced by lab.
# shellcheck shell=bash

# lab up [--nodes 3] [--rate 1gbit] [--no-agent] [--only NUMBER] [--uplink DEVICE]
lab_up() {
  local nodes=3 rate='' agent=yes only='' uplink='' began=$EPOCHREALTIME
  while [[ $# -gt 0 ]]; do
    case $1 in
      --nodes) nodes=${2:-} && shift && shift ;;
      --nodes=*) nodes=${1#*=} && shift ;;
      --rate) rate=${2:-} && shift && shift ;;
      --rate=*) rate=${1#*=} && shift ;;
      --no-agent) agent=no && shift ;;
      --only) only=${2:-} && shift && shift ;;
      --uplink) uplink=${2:-} && shift && shift ;;
      *) usage "usage: lab up [--nodes 3] [--rate 1gbit] [--no-agent] [--only NUMBER] [--uplink DEVICE]" ;;
    esac
  done
  if [[ ! $nodes =~ ^[1-9][0-9]?$ ]] || ((nodes > LAB_MAX_NODES)); then usage "--nodes takes 1 to $LAB_MAX_NODES"; fi
  [[ -z $rate ]] || rate_bits "$rate" >/dev/null
  if [[ -n $only ]] && { [[ ! $only =~ ^[1-9]$ ]] || ((only > nodes)); }; then usage "--only takes a node's number, 1 to 9"; fi
  # On one network with the lab's other parts every client needs its own.
  LAB_CLIENT_ADDRESS=10.77.0.${only:-1}
  ((EUID == 0)) || die "must run as root"
  need_tools
  lab_lock create
  image_ensure
  [[ $agent == no ]] || build_ensure
  limits_ensure
  lab_clean
  up_make "$nodes" "$rate" "$agent" "$only" "$uplink"
  [[ $agent == no ]] || agents_wait "$nodes"
  say "lab '$LAB_NAME' is up: ${only:+node $only of }$nodes nodes in $(((${EPOCHREALTIME/./} - ${began/./}) / 1000)) ms"
}

need_tools() {
  local tool
  for tool in nsenter unshare ip tc nft flock setsid mountpoint; do
    command -v "$tool" >/dev/null || die "$tool is missing: run deploy/setup/install"
  done
}

up_make() {
  local nodes=$1 rate=$2 agent=$3 only=$4 uplink=$5 number jobs=()
  mkdir -p "$LAB_STATE/nodes" "$LAB_STATE/bin" "$LAB_DISK/shared"
  ln -s "$LAB_CHECKOUT/dist/cli/main.js" "$LAB_STATE/bin/godwit"
  settings_save "$LAB_IMAGE" "$rate"
  cgroup_make "$LAB_GROUP.client"
  # One hierarchy is enough to find clients again when the lab goes down.
  cgroup_procs "$LAB_GROUP.client" | sed -n 1p >"$LAB_STATE/client-procs"
  switch_make
  [[ -z $uplink ]] || switch_uplink "$uplink"
  for ((number = ${only:-1}; number <= ${only:-nodes}; number++)); do
    { node_create "n$number" "$nodes" "$agent" && node_start "n$number" "$LAB_IMAGE" "$rate"; } &
    jobs+=("$!")
  done
  for number in "${jobs[@]}"; do wait "$number" || die "lab '$LAB_NAME' did not come up"; done
}

# lab rootfs redis|generic|system NAME: a container root file system at /srv/godwit/NAME in all nodes.
lab_rootfs() {
  [[ $# -eq 2 && ${2:-} =~ ^[a-zA-Z0-9][a-zA-Z0-9_.-]*$ ]] || usage "usage: lab rootfs redis|generic|system NAME"
  need_lab
  settings_load
  if [[ $1 == system ]]; then
    system_copy "$LAB_DISK/shared/$2"
    return
  fi
  exec "$LAB_HOME/rootfs" "$1" "$LAB_DISK/shared/$2" "$SETTING_IMAGE"
}

lab_status() {
  local dir node state agent
  need_lab
  settings_load
  printf 'lab %s, image %s, rate %s\n' "$LAB_NAME" "$SETTING_IMAGE" "${SETTING_RATE:-unlimited}"
  printf '%-5s %-12s %-6s %-8s %-8s %s\n' NODE ADDRESS POWER PID AGENT CUT
  for dir in "$LAB_STATE"/nodes/*; do
    node=${dir##*/}
    state=off pid=- agent=-
    if node_is_on "$node"; then
      state=on pid=$(<"$dir/pid") agent=stopped
      [[ ! -e /proc/$pid/root/run/lab/agent.pid ]] || agent=running
    fi
    printf '%-5s %-12s %-6s %-8s %-8s %s\n' "$node" "$(node_address "$node")" "$state" "$pid" "$agent" "$(switch_cuts "$node")"
  done
}

lab_help() {
  cat <<'HELP'
lab up [--nodes 3] [--rate 1gbit] [--no-agent]   make the nodes n1, n2, … and wait until their agents answer
  --only NUMBER --uplink DEVICE                  … of them one node here, the others on machines behind DEVICE
lab exec NODE -- CMD...                          run inside a node (hands on stdin and the exit code)
lab sh NODE                                      a shell inside a node
lab client -- CMD...                             run on the lab's network, outside all nodes
lab power-off NODE | lab power-on NODE           cut a node's power; start it again with the same disk
lab cut NODE [--from NODE|client]                break a node's network, all of it or one peer's
lab heal NODE [--from NODE|client]               mend it
lab agent NODE start|stop|restart|kill|log       the node's godwit-agent
lab agent NODE start|restart --fault POINT:ACTION   the same, to fail there once (agent/faults)
lab rootfs redis|generic|system NAME             a container root file system at /srv/godwit/NAME in all nodes
lab image                                        build the node image if need be, print where it is
lab system-root                                  the same for the root of containers with systemd
lab status
lab down                                         leave nothing behind
Environment: GODWIT_LAB (instance, default lab), GODWIT_CACHE, GODWIT_LAB_STATE, GODWIT_LAB_DISK, GODWIT_LAB_IMAGE,
GODWIT_MIRROR. See deploy/lab/README.md.
HELP
}

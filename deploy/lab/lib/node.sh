# Starting and killing nodes. Sourced by lab.
# shellcheck shell=bash

# Lays out the disk of a new node: what is particular to it goes into the overlay's upper layer.
node_create() {
  local node=$1 count=$2 agent=$3 disk=$LAB_DISK/$1 etc=$LAB_DISK/$1/upper/etc other
  mkdir -p "$LAB_STATE/nodes/$node/root" "$disk/work" "$disk/local" "$etc/godwit" "$disk/upper/usr/local/bin" "$disk/upper/var/lib/lab"
  echo "$node" >"$etc/hostname"
  printf '%.32s\n' "$(md5sum <<<"$LAB_NAME/$node")" >"$etc/machine-id"
  {
    echo "127.0.0.1 localhost"
    for ((other = 1; other <= count; other++)); do echo "$(node_address "n$other") n$other"; done
    echo "$LAB_CLIENT_ADDRESS client"
  } >"$etc/hosts"
  ln -s /usr/lib/godwit/dist/cli/main.js "$disk/upper/usr/local/bin/godwit"
  ln -s /usr/lib/godwit/dist/agent/main.js "$disk/upper/usr/local/bin/godwit-agent"
  limits_install "$disk/upper"
  agent_config "$node" "$count" >"$etc/godwit/agent.toml"
  [[ $agent == yes ]] || : >"$disk/upper/var/lib/lab/agent-stopped"
}

# Starts a node that was created and is off; returns when it can be entered.
node_start() {
  local node=$1 image=$2 rate=$3 dir=$LAB_STATE/nodes/$1 report word='' pid=''
  cgroup_make "$LAB_GROUP.$node"
  cgroup_procs "$LAB_GROUP.$node" init.scope >"$dir/procs"
  exec {report}< <(
    exec setsid env LAB_NODE="$node" LAB_GROUP_NAME="$LAB_GROUP.$node" LAB_IMAGE="$image" LAB_NODE_DISK="$LAB_DISK/$node" \
      LAB_NODE_ROOT="$dir/root" LAB_SHARED="$LAB_DISK/shared" LAB_CHECKOUT="$LAB_CHECKOUT" \
      bash "$LAB_HOME/node/start" </dev/null 2>"$dir/boot.log" {LAB_LOCK_FD}>&-
  )
  read -r -t 60 -u "$report" word pid || true
  [[ $word == pid ]] || node_failed "$node"
  switch_plug "$node" "$pid" "$rate"
  read -r -t 60 -u "$report" word || true
  [[ $word == up ]] || node_failed "$node"
  exec {report}<&-
  echo "$pid" >"$dir/pid"
}

node_failed() {
  sed 's/^/  /' "$LAB_STATE/nodes/$1/boot.log" >&2
  die "node $1 did not start"
}

# Power cut: everything in the node dies at once, its cable goes dead, its disk stays.
node_kill() {
  local node=$1
  rm -f "$LAB_STATE/nodes/$node/pid"
  switch_unplug "$node"
  cgroup_destroy "$LAB_GROUP.$node"
}

# Whether the node's first process lives. Its pid may have been given away since, hence the look at its group.
node_is_on() {
  local pid line
  { read -r pid <"$LAB_STATE/nodes/$1/pid"; } 2>/dev/null || return 1
  while read -r line; do
    [[ $line != *":/$LAB_GROUP.$1" && $line != *":/$LAB_GROUP.$1/init.scope" ]] || return 0
  done 2>/dev/null </proc/"$pid"/cgroup
  return 1
}

lab_power_off() {
  [[ $# -eq 1 ]] || usage "usage: lab power-off NODE"
  need_node "$1"
  lab_lock
  node_is_on "$1" || die "node $1 is off already"
  node_kill "$1"
}

lab_power_on() {
  [[ $# -eq 1 ]] || usage "usage: lab power-on NODE"
  need_node "$1"
  lab_lock
  ! node_is_on "$1" || die "node $1 is on already"
  node_kill "$1"
  settings_load
  node_start "$1" "$SETTING_IMAGE" "$SETTING_RATE"
}

# What `up` was told, for power-on and status.
settings_save() { printf '%s\n' "$1" "$2" >"$LAB_STATE/settings"; }
settings_load() { { read -r SETTING_IMAGE && read -r SETTING_RATE; } <"$LAB_STATE/settings"; }

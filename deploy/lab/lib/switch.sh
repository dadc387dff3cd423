# The lab's network: one bridge in a network namespace of its own, so that the machine's own network is not touched.
# shellcheck shell=bash

in_switch() { nsenter --net="$LAB_SWITCH" "$@"; }

switch_make() {
  local hook
  : >"$LAB_SWITCH"
  unshare --net="$LAB_SWITCH" ip -batch - <<END
link set lo up
link add sw0 type bridge stp_state 0 forward_delay 0
address add $LAB_CLIENT_ADDRESS/16 dev sw0
link set sw0 up
END
  in_switch nft -f "$LAB_HOME/lib/cuts.nft"
  # Where the kernel passes bridged packets through iptables as well, spare them that.
  for hook in iptables ip6tables arptables; do
    in_switch tee "/proc/sys/net/bridge/bridge-nf-call-$hook" <<<0 >/dev/null 2>&1 || true
  done
}

# A network device of this machine becomes a port of the switch; it comes back when the switch goes.
switch_uplink() {
  ip link set "$1" netns "$LAB_SWITCH" || die "no network device $1"
  in_switch ip link set "$1" master sw0 up
}

switch_destroy() {
  while mountpoint -q "$LAB_SWITCH" 2>/dev/null; do umount -l "$LAB_SWITCH"; done
}

# Lays the cable of a node whose first process is PID; the switch's end carries the node's name. The MAC address
# stays the same over a power cut.
switch_plug() {
  local node=$1 pid=$2 rate=$3 mac
  printf -v mac '02:67:77:00:00:%02x' "${1#n}"
  in_switch ip -batch - <<END
link add $node type veth peer name eth0 netns $pid
link set $node master sw0 up
END
  nsenter --net="/proc/$pid/ns/net" ip -batch - <<END
link set lo up
link add br0 address $mac type bridge stp_state 0 forward_delay 0
link set eth0 master br0 up
address add $(node_address "$node")/16 dev br0
link set br0 up
END
  [[ -z $rate ]] || switch_shape "$node" "$pid" "$rate"
}

switch_unplug() { in_switch ip link delete "$1" 2>/dev/null || true; }

# Both directions of a node's cable. The bucket holds 4 ms of the rate, at least one large packet.
switch_shape() {
  local node=$1 pid=$2 rate=$3 burst
  burst=$(($(rate_bits "$rate") / 2000))
  ((burst > 65536)) || burst=65536
  in_switch tc qdisc replace dev "$node" root tbf rate "$rate" burst "$burst" latency 20ms
  nsenter --net="/proc/$pid/ns/net" tc qdisc replace dev eth0 root tbf rate "$rate" burst "$burst" latency 20ms
}

# rate_bits 100mbit -> 100000000
rate_bits() {
  [[ $1 =~ ^([1-9][0-9]{0,5})(k|m|g)bit$ ]] || usage "a rate looks like 100mbit or 1gbit, not '$1'"
  case ${BASH_REMATCH[2]} in
    k) echo $((BASH_REMATCH[1] * 1000)) ;;
    m) echo $((BASH_REMATCH[1] * 1000000)) ;;
    g) echo $((BASH_REMATCH[1] * 1000000000)) ;;
  esac
}

# lab cut NODE [--from NODE|client]: packets vanish in both directions, established connections included. The cable
# stays plugged, as when a switch fails: the node gets no sign.
lab_cut() {
  local node peer
  parse_pair cut "$@"
  lab_lock
  if [[ -z $peer ]]; then
    in_switch nft add element bridge lab nodes "{ \"$node\" }"
  elif [[ $peer == client ]]; then
    in_switch nft add element bridge lab clients "{ \"$node\" }"
  else
    in_switch nft add element bridge lab pairs "{ \"$node\" . \"$peer\", \"$peer\" . \"$node\" }"
  fi
}

# lab heal NODE [--from NODE|client]: mends what cut broke; without --from everything that was cut at that node.
lab_heal() {
  local node peer
  parse_pair heal "$@"
  lab_lock
  if [[ -n $peer && $peer != client ]]; then
    switch_forget pairs "\"$node\" . \"$peer\"" "\"$peer\" . \"$node\""
  elif [[ $peer == client ]]; then
    switch_forget clients "\"$node\""
  else
    switch_forget nodes "\"$node\""
    switch_forget clients "\"$node\""
    for peer in "$LAB_STATE"/nodes/*; do
      peer=${peer##*/}
      switch_forget pairs "\"$node\" . \"$peer\"" "\"$peer\" . \"$node\""
    done
  fi
}

switch_forget() {
  local set=$1 element
  shift
  for element in "$@"; do
    in_switch nft delete element bridge lab "$set" "{ $element }" 2>/dev/null || true
  done
}

# Reads NODE [--from PEER] into the caller's node and peer.
parse_pair() {
  local verb=$1
  shift
  node=${1:-} peer=
  (($# == 0)) || shift
  if [[ ${1:-} == --from && -n ${2:-} ]]; then
    peer=$2
    shift 2
  fi
  [[ -n $node && $# -eq 0 ]] || usage "usage: lab $verb NODE [--from NODE|client]"
  need_node "$node"
  [[ -z $peer || $peer == client ]] || need_node "$peer"
  [[ $node != "$peer" ]] || usage "lab $verb: NODE and --from are the same node"
}

# Prints what is cut at a node, for status.
switch_cuts() {
  in_switch nft list table bridge lab | awk -v node="\"$1\"" '
    $1 == "set" { set = $2 }
    /"/ && /elements|^[[:space:]]+"/ {
      line = $0; gsub(/elements = |[{},]/, " ", line); count = split(line, word, " ")
      for (i = 1; i <= count; i++) {
        if (set == "nodes" && word[i] == node) print "all"
        if (set == "clients" && word[i] == node) print "client"
        if (set == "pairs" && word[i] == node && word[i + 1] == ".") { gsub(/"/, "", word[i + 2]); print word[i + 2] }
      }
    }' | paste -sd,
}

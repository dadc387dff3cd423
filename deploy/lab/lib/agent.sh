# The agents in the nodes. Sourced by lab.
# shellcheck shell=bash

# An emulated machine starts them ten times slower than a real one.
AGENTS_SECONDS=400

# Prints the agent.toml of a node. The first three nodes' servers keep the records; everyone joins through them.
agent_config() {
  local node=$1 count=$2 number join=()
  for ((number = 1; number <= count && number <= 3; number++)); do join+=("\"$(node_address "n$number")\""); done
  local IFS=,
  cat <<TOML
node = "$node"
address = "$(node_address "$node")"

[bus]
join = [${join[*]}]

[data]
port = 7433

[networks]
lan = "br0"

[checkpoints]
dir = "/srv/godwit/checkpoints"
chain = 8
TOML
}

# Waits until the agents of all COUNT nodes answer on the bus.
agents_wait() {
  local count=$1 began=$SECONDS
  say "waiting for $count agents"
  if ! wait_until "$AGENTS_SECONDS" agents_answer "$count"; then
    agents_blame
    die "not all agents answered within $AGENTS_SECONDS s"
  fi
  say "$count agents answer after $((SECONDS - began)) s"
}

agents_answer() {
  local answer
  answer=$("$LAB_SELF" client -- godwit node ls -o json 2>/dev/null) || return 1
  node -e 'process.exit(JSON.parse(process.argv[1]).items.length === Number(process.argv[2]) ? 0 : 1)' "$answer" "$1" 2>/dev/null
}

agents_blame() {
  local dir node
  for dir in "$LAB_STATE"/nodes/*; do
    node=${dir##*/}
    say "last lines of the agent's log on $node:"
    tail -n 5 "$LAB_DISK/$node/upper/var/log/godwit-agent.log" 2>/dev/null | cut -c1-300 | sed 's/^/  /' >&2 || true
  done
}

# lab agent NODE start|stop|restart|kill|log: `stop` holds over a power cut; after `kill` the agent comes back by itself.
# start and restart take --fault POINT:ACTION[,…]: GODWIT_FAULT for this one start.
lab_agent() {
  local node=${1:-} action=${2:-} fault=''
  need_node "$node"
  if [[ $# -eq 4 && $action == *start && $3 == --fault && -n $4 ]]; then
    fault=$4
  elif [[ $# -gt 2 ]]; then
    action=
  fi
  case $action in
    log) exec cat "$LAB_DISK/$node/upper/var/log/godwit-agent.log" ;;
    start | stop | restart | kill) exec "$LAB_SELF" exec "$node" -- /usr/local/lib/lab/agentctl "$action" "$fault" ;;
    *) usage "usage: lab agent NODE start|stop|restart|kill|log [--fault POINT:ACTION]" ;;
  esac
}

# The nodes' image: built once, kept in the cache. Sourced by lab.
# shellcheck shell=bash

# shellcheck source=recipe.sh
source "$LAB_HOME/lib/recipe.sh"

# Sets LAB_IMAGE, building the image first when it is not there. GODWIT_LAB_IMAGE names a ready one.
image_ensure() {
  local lock recipe
  if [[ -n ${GODWIT_LAB_IMAGE:-} ]]; then
    LAB_IMAGE=$GODWIT_LAB_IMAGE
    [[ -x $LAB_IMAGE/usr/bin/tini ]] || die "GODWIT_LAB_IMAGE is not a node image: $LAB_IMAGE"
    return
  fi
  recipe=$(sha256sum "$LAB_HOME/lib/recipe.sh")
  LAB_IMAGE=$LAB_CACHE/image-${recipe:0:16}
  [[ ! -d $LAB_IMAGE ]] || return 0
  command -v mmdebstrap >/dev/null || die "mmdebstrap is missing: run deploy/setup/install"
  mkdir -p "$LAB_CACHE"
  # mmdebstrap inherits the lock: should this shell be killed, nobody builds beside the orphan.
  exec {lock}>"$LAB_CACHE/image.lock"
  flock -n "$lock" || { say "waiting for another build of the node image"; flock "$lock"; }
  if [[ ! -d $LAB_IMAGE ]]; then
    rm -rf --one-file-system "$LAB_CACHE"/image-*.tmp
    image_build "$LAB_IMAGE.tmp"
    mv -T "$LAB_IMAGE.tmp" "$LAB_IMAGE"
  fi
  exec {lock}>&-
}

image_build() {
  local to=$1 log=$LAB_CACHE/image.log began=$SECONDS pid line last=
  say "building the node image ($LAB_SUITE, about a minute, once); log: $log"
  (
    # The lab's own lock must not live on in an orphan.
    [[ -z ${LAB_LOCK_FD:-} ]] || exec {LAB_LOCK_FD}>&-
    recipe_run "$to"
  ) >"$log" 2>&1 </dev/null &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    nap 2
    line=$(grep -E '^I: ' "$log" | tail -n 1 || true)
    [[ $line == "$last" ]] || say "  $((SECONDS - began)) s: ${line#I: }"
    last=$line
  done
  wait "$pid" || { tail -n 15 "$log" >&2; die "the node image could not be built"; }
  say "node image ready after $((SECONDS - began)) s ($(du -sxh "$to" | cut -f1))"
}

# The checkout that the nodes run. Sourced by lab.
# shellcheck shell=bash

LAB_CHECKOUT=$(cd "$LAB_HOME/../.." && pwd -P)

# Compiles dist/ when it is missing or older than a source.
build_ensure() {
  local lock stamp=$LAB_CHECKOUT/dist/.lab-built
  [[ -d $LAB_CHECKOUT/node_modules ]] || die "node_modules is missing: run npm ci in $LAB_CHECKOUT"
  exec {lock}<"$LAB_CHECKOUT/package.json"
  flock "$lock"
  if [[ ! -e $stamp || -n $(build_newer "$stamp") ]]; then
    say "building dist/"
    (cd "$LAB_CHECKOUT" && npm run --silent build >&2) || die "npm run build failed"
    : >"$stamp"
  fi
  exec {lock}<&-
}

build_newer() {
  cd "$LAB_CHECKOUT" && find protocol agent cli deploy/build package.json tsconfig.json -type f ! -name '*.test.ts' -newer "$1" -print -quit
}

# The checkout that the nodes run. Sourced by lab.
# shellcheck shell=bash

LAB_CHECKOUT=$(cd "$LAB_HOME/../.." && pwd -P)

# Brings node_modules/ and dist/ up to date.
build_ensure() {
  "$LAB_CHECKOUT/deploy/setup/build" || die "the checkout could not be built"
}

# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Trains one model over four sites whose text every machine with our packages has.

# prepare_sites: once, the text that the examples name.
prepare_sites() {
  local recipe=examples/four-sites.toml sites=build/demo
  [[ $sites/sites.txt -nt tools/prepare_sites.py && $sites/sites.txt -nt $recipe ]] ||
    phase sites "text of four sites" python3 tools/prepare_sites.py "$sites" --recipe "$recipe"
}

word_demo() {
  (($# == 0)) || refuse "demo takes no argument, not \"$1\""
  build_release causeway
  local recipe=examples/four-sites.toml sites=build/demo
  prepare_sites
  cat "$sites/sites.txt"
  # Written only where a site had to be replaced by another.
  [[ -f $sites/demo.toml ]] && recipe=$sites/demo.toml
  exec build/release/causeway train "$recipe" --out runs/demo --overwrite
}

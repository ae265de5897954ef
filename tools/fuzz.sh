# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# The protocol in random worlds, and with known mistakes planted in it.

word_fuzz-protocol() {
  build_release fuzz_protocol
  exec build/release/fuzz_protocol "$@"
}

word_mutants() {
  need_packages build
  exec python3 tools/mutants.py "$@"
}

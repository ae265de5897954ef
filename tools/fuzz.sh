# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# The protocol in random worlds, with known mistakes planted in it, and as processes that are killed.

word_fuzz-protocol() {
  build_release fuzz_protocol
  exec build/release/fuzz_protocol "$@"
}

word_soak() {
  build_release causeway
  need_test_python
  need_packages test
  exec "$python" tools/soak.py "$@"
}

word_mutants() {
  need_packages build
  exec python3 tools/mutants.py "$@"
}

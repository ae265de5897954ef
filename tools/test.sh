# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs every test. The last line is `N passed, N failed`, whatever happens.

oracle_cases=tests/oracle

word_test() {
  (($# == 0)) || refuse "test takes no argument, not \"$1\""
  last_words='0 passed, 1 failed' # Until tests ran: what stops here is a failure.
  build_release all
  need_test_python
  need_packages test
  local reports=build/log status=0
  rm -f "$reports"/{ctest-release,pytest}.xml "$reports/oracle.log"
  phase ctest-release 'unit tests (ctest)' run_ctest release || true
  phase pytest 'Python tests (pytest)' run_pytest || true
  local suites=(--ctest "$reports/ctest-release.xml" --pytest "$reports/pytest.xml")
  if [[ -d $oracle_cases ]]; then
    phase oracle 'golden traces (oracle)' build/release/causeway_oracle "$oracle_cases" || true
    suites+=(--oracle "$reports/oracle.log")
  fi
  last_words=''
  python3 tools/count_tests.py "${suites[@]}" | tee "$reports/test.txt" || status=1
  exit "$status"
}

# run_ctest PRESET: the unit tests of build/PRESET.
run_ctest() {
  ctest --test-dir "build/$1" -j "$(nproc)" --output-on-failure --no-tests=error \
    --output-junit "$root/$log_dir/ctest-$1.xml"
}

# A file's tests stay together, as they share what they have trained.
run_pytest() {
  "$python" -m pytest -q -p no:cacheprovider -n "$(nproc)" --maxprocesses 8 --dist loadfile tests/python \
    --junitxml="$log_dir/pytest.xml"
}

word_oracle() {
  (($# == 1)) || refuse 'oracle takes one folder of golden traces, for example tests/oracle'
  build_release causeway_oracle
  exec build/release/causeway_oracle "$1"
}

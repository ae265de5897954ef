# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What the compiler and the tests do not see: format, lint, sanitizers, fuzzers.

# find_tool NAME: the pinned version, else the newest there is.
find_tool() {
  local found
  found=$(command -v "$1-19" || compgen -c "$1-" | grep -E "^$1-[0-9]+\$" | sort -V | tail -1 || true)
  [[ -n $found ]] || found=$(command -v "$1" || true)
  [[ -n $found ]] || die "no $1 found; ./run setup installs it"
  echo "$found"
}

cpp_files() {
  find src -type f \( -name '*.h' -o -name '*.cpp' \) | sort
}

word_format() {
  need_packages check
  local formatter
  formatter=$(find_tool clang-format)
  case ${1:-} in
    '') phase format 'format' format_files "$formatter" -i ;;
    --check) phase format 'format check' format_files "$formatter" --dry-run -Werror ;;
    *) refuse "format takes --check or nothing, not \"$1\"" ;;
  esac
}

format_files() {
  cpp_files | xargs -r -P "$(nproc)" -n 16 "$@"
}

# configure_clang PRESET: the compiler is clang, which has the sanitizers and fuzzers of the version we pin.
configure_clang() {
  configure "$1" "-DCMAKE_CXX_COMPILER=$(find_tool clang++)"
}

word_lint() {
  need_packages build
  need_uplot
  need_packages check
  local status=0
  phase sources 'house rules' python3 tools/check_sources.py . || status=1
  # The parts of ./run share variables, which shellcheck, seeing one file at a time, calls unused or unknown.
  if command -v shellcheck >/dev/null; then
    phase shellcheck 'shellcheck' shellcheck --exclude=SC2034,SC2154 run .ci/run tools/*.sh || status=1
  fi
  configure_clang lint
  phase clang-tidy 'clang-tidy' tidy_files "$@" || status=1
  exit "$status"
}

# tidy_files [FILE...]: the files named, or all compiled sources of src/ but tests.
tidy_files() {
  local tidy files=("$@")
  tidy=$(find_tool clang-tidy)
  if ((${#files[@]} == 0)); then
    mapfile -t files < <(python3 tools/list_sources.py build/lint/compile_commands.json src)
  fi
  ((${#files[@]} > 0)) || die 'no file to lint'
  printf '%s\0' "${files[@]}" | xargs -0 -P "$(nproc)" -n 1 "$tidy" -p build/lint --quiet
}

word_sanitize() {
  local kind
  for kind in "${@:-address}"; do
    case $kind in
      address | thread) ;;
      *) refuse "sanitize takes address or thread, not \"$kind\"" ;;
    esac
  done
  (($# > 0)) || set -- address thread
  need_packages build
  need_uplot
  need_packages check
  for kind in "$@"; do
    sanitize "${kind:0:1}san"
  done
}

# sanitize PRESET: asan or tsan.
sanitize() {
  export ASAN_OPTIONS=halt_on_error=1:detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1
  export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
  export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
  configure_clang "$1"
  local target=all # the fuzzers, too
  [[ $1 == tsan ]] && target=unit_tests
  phase "build-$1" "build $1" ninja -C "build/$1" -j "$(jobs_max)" "$target"
  phase "ctest-$1" "unit tests, $1" run_ctest "$1"
  if [[ $1 == asan ]]; then
    run_fuzzers
  fi
}

# run_fuzzers: each for CAUSEWAY_FUZZ_SECONDS, from the same seed. A fuzzer is src/**/NAME_fuzz.cpp, built as
# build/asan/NAME_fuzz; its corpus, if it has one, is tests/fuzz/NAME_fuzz/.
run_fuzzers() {
  local sources name seconds=${CAUSEWAY_FUZZ_SECONDS:-20} corpus
  mapfile -t sources < <(find src -name '*_fuzz.cpp' | sort)
  for name in "${sources[@]}"; do
    name=$(basename "$name" .cpp)
    [[ -x build/asan/$name ]] || die "the fuzzer $name was not built"
    corpus=build/asan/corpus/$name
    mkdir -p "$corpus"
    [[ -d tests/fuzz/$name ]] && cp -n "tests/fuzz/$name/"* "$corpus/"
    phase "$name" "fuzz ${name%_fuzz}" "build/asan/$name" "-max_total_time=$seconds" -seed=1 -rss_limit_mb=2048 \
      -print_final_stats=1 "-artifact_prefix=build/asan/$name-" "$corpus"
  done
}

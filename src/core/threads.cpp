// SPDX-License-Identifier: Apache-2.0
#include "core/threads.h"

#include <sched.h>

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "core/check.h"

namespace causeway {

struct Threads::State {
  std::mutex mutex;
  std::condition_variable work, done;
  const std::function<void(int64_t)>* task = nullptr;  // null: nothing to do
  int64_t tasks = 0, next = 0, running = 0;
  bool stop = false;
  std::vector<std::thread> threads;

  // Takes tasks until none is left. The lock is held on entry and on return.
  void share(std::unique_lock<std::mutex>& lock) {
    while (task != nullptr && next < tasks) {
      const int64_t mine = next++;
      const auto& run = *task;
      ++running;
      lock.unlock();
      run(mine);
      lock.lock();
      --running;
    }
    if (running == 0) done.notify_all();
  }
};

Threads::Threads(int32_t count, const std::function<void()>& prepare)
    : state_(std::make_unique<State>()) {
  CW_CHECK(count >= 1, "{} threads", count);
  if (prepare) prepare();
  for (int32_t i = 1; i < count; ++i)
    state_->threads.emplace_back([state = state_.get(), prepare] {
      if (prepare) prepare();
      std::unique_lock lock(state->mutex);
      while (true) {
        state->work.wait(lock, [&] {
          return state->stop || (state->task != nullptr && state->next < state->tasks);
        });
        if (state->stop) return;
        state->share(lock);
      }
    });
}

Threads::~Threads() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stop = true;
  }
  state_->work.notify_all();
  for (std::thread& thread : state_->threads) thread.join();
}

int32_t Threads::count() const { return static_cast<int32_t>(state_->threads.size()) + 1; }

void Threads::each(int64_t tasks, const std::function<void(int64_t)>& task) {
  if (tasks <= 0) return;
  std::unique_lock lock(state_->mutex);
  CW_CHECK(state_->task == nullptr, "Threads::each has one caller at a time");
  state_->task = &task;
  state_->tasks = tasks;
  state_->next = 0;
  state_->work.notify_all();
  state_->share(lock);
  state_->done.wait(lock, [&] { return state_->running == 0 && state_->next >= state_->tasks; });
  state_->task = nullptr;
}

void pin_to_core(int32_t index) {
  // Those of the whole process, as the calling thread may be pinned already.
  static const cpu_set_t allowed = [] {
    cpu_set_t set;
    CPU_ZERO(&set);
    ::sched_getaffinity(0, sizeof(set), &set);
    return set;
  }();
  const int32_t count = CPU_COUNT(&allowed);
  if (count == 0) return;
  int32_t skip = index % count;
  for (size_t core = 0; core < CPU_SETSIZE; ++core) {
    if (!CPU_ISSET(core, &allowed) || skip-- > 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    ::sched_setaffinity(0, sizeof(one), &one);
    return;
  }
}

}  // namespace causeway

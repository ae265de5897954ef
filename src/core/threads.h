// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace causeway {

/// A fixed set of threads that share out numbered tasks. Which thread runs a task must not matter
/// to its result. One caller at a time.
class Threads {
 public:
  /// `count` >= 1; the calling thread is one of them. `prepare` runs once in each, the caller
  /// included, before any task.
  explicit Threads(int32_t count, const std::function<void()>& prepare = {});
  ~Threads();
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

  int32_t count() const;
  /// Runs task(0) ... task(tasks - 1), in any order, and returns when all are done. A task must not
  /// throw, nor call each() of the same object.
  void each(int64_t tasks, const std::function<void(int64_t)>& task);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Keeps the calling thread on one core, counted from 0 around those that the process may use. Does
/// nothing where the system does not allow it.
void pin_to_core(int32_t index);

}  // namespace causeway

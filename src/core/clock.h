// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace causeway {

/// Time is passed in: nothing below `train` and `cli` asks the operating system for it.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t now_ns() const = 0;   ///< monotonic; only differences mean something
  virtual int64_t unix_ms() const = 0;  ///< for people and file formats, never for decisions
};

/// The machine's clock. Stateless.
class SystemClock final : public Clock {
 public:
  int64_t now_ns() const override;
  int64_t unix_ms() const override;
};

/// A clock that stands still until it is told to move. For tests and simulation.
class ManualClock final : public Clock {
 public:
  int64_t now_ns() const override { return now_ns_; }
  int64_t unix_ms() const override { return now_ns_ / 1'000'000; }
  void advance_ns(int64_t by) { now_ns_ += by; }

 private:
  int64_t now_ns_ = 0;
};

}  // namespace causeway

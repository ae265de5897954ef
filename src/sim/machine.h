// SPDX-License-Identifier: Apache-2.0
//
// What a node's computer is: its clock and its disk's speed.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/options.h"
#include "sim/chance.h"

namespace causeway {

/// A monotonic clock that runs a little wrong and may jump ahead. Its zero means nothing to others.
class LocalClock {
 public:
  explicit LocalClock(int64_t offset_ms) : local_us_(offset_ms * 1'000) {}

  int64_t now_ms(int64_t now_us) const { return at(now_us) / 1'000; }
  /// When it will show `ms`, as far as is known now.
  int64_t reaches_us(int64_t ms, int64_t now_us) const {
    if (now_ms(now_us) >= ms) return now_us;
    // One microsecond more than division says makes up for rounding down.
    const int64_t left_us = std::min(ms, kFarMs) * 1'000 - at(now_us);
    return now_us + left_us * 1'000'000 / (1'000'000 + drift_ppm_) + 1;
  }
  int64_t drift_ppm() const { return drift_ppm_; }
  /// Parts per million that it is fast from now on; more than -1,000,000.
  void set_drift(int64_t now_us, int64_t ppm) {
    local_us_ = at(now_us);
    since_us_ = now_us;
    drift_ppm_ = ppm;
  }
  void jump(int64_t ms) { local_us_ += ms * 1'000; }

 private:
  static constexpr int64_t kFarMs = int64_t{1} << 40;

  int64_t at(int64_t now_us) const {
    const int64_t passed = now_us - since_us_;
    return local_us_ + passed + passed / 1'000 * drift_ppm_ / 1'000;
  }
  int64_t local_us_, since_us_ = 0;
  int64_t drift_ppm_ = 0;
};

struct DiskOptions {
  double sync_ms = 2;
  double mbyte_per_s = 200;
  double slow = 0.01;
  int64_t hub_bytes = int64_t{1} << 30, worker_bytes = int64_t{1} << 30;

  template <class Visit>
  void each(Visit&& visit) {
    visit("sync_ms", sync_ms, Range<double>{0, 60'000}, "ms",
          "Time of a sync: uniform, from half to one and a half of this.");
    visit("mbyte_per_s", mbyte_per_s, Range<double>{0.001, 1e6}, "MB/s", "Speed of writing.");
    visit("slow", slow, Range<double>{0, 1}, "", "Part of the syncs that takes 20 times as long.");
    visit("hub_bytes", hub_bytes, Range<int64_t>{0, int64_t{1} << 50}, "bytes",
          "Space at the hub.");
    visit("worker_bytes", worker_bytes, Range<int64_t>{0, int64_t{1} << 50}, "bytes",
          "Space at each worker.");
  }

  /// How long it takes until so many bytes are durable.
  int64_t latency_us(int64_t bytes, Chance& chance) const {
    const bool is_slow = chance.happens(slow);
    const double sync_us = sync_ms * 1'000 * (0.5 + chance.uniform()) * (is_slow ? 20 : 1);
    return static_cast<int64_t>(sync_us + static_cast<double>(bytes) / mbyte_per_s);
  }
};

}  // namespace causeway

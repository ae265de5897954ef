// SPDX-License-Identifier: Apache-2.0
//
// T time, D head width.
#pragma once

#include <cstdint>

#include "kernel/attention_kernel.h"

namespace causeway {

/// One head of a text: position t begins at values[t * step]. D values each.
template <class Value>
struct Head {
  Value* values;
  int64_t step, time, width;

  [[gnu::always_inline]] Value* at(int64_t t) const { return values + t * step; }
};

/// The head `index` of a text's tensor of `heads` heads.
template <class Value>
[[gnu::always_inline]] inline Head<Value> head_of(const AttentionSizes& sizes, Value* values,
                                                  int64_t heads, int64_t index) {
  return {values + index * sizes.head_width, heads * sizes.head_width, sizes.time,
          sizes.head_width};
}

/// Rows that come next, brought near while something else is computed: a text's heads lie so far
/// apart that the machine does not foresee the next. Only a hint; the place need not exist.
class Ahead {
 public:
  /// Head `index` of `count` is being computed and lies among `heads` of its tensor: its successor
  /// comes next, or the first of the following text, which a batch has right behind.
  template <class Value>
  void add_next(Head<const Value> head, int64_t index, int64_t count, int64_t heads) {
    const int64_t further = index + 1 < count ? 1 : heads * head.time - index;
    bytes_ = static_cast<uintptr_t>(head.width) * sizeof(Value);
    rows_[count_++] = {
        reinterpret_cast<uintptr_t>(head.values) + static_cast<uintptr_t>(further) * bytes_,
        static_cast<uintptr_t>(head.step) * sizeof(Value)};
    time_ = head.time;
  }

  /// Asks for the next `count` rows of each head.
  void fetch(int64_t count) {
    for (; count > 0 && fetched_ < time_; --count, ++fetched_)
      for (int i = 0; i < count_; ++i) {
        const uintptr_t row = rows_[i].first + static_cast<uintptr_t>(fetched_) * rows_[i].step;
        for (uintptr_t at = 0; at < bytes_; at += 64)
          __builtin_prefetch(
              reinterpret_cast<const void*>(row + at));  // NOLINT(performance-no-int-to-ptr)
      }
  }

 private:
  struct Rows {
    uintptr_t first, step;
  };
  Rows rows_[5];
  int count_ = 0;
  int64_t time_ = 0, fetched_ = 0;
  uintptr_t bytes_ = 0;
};

}  // namespace causeway

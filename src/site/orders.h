// SPDX-License-Identifier: Apache-2.0
//
// The words of a site's leader to the other processes, its followers: what they do next, and that
// the leader is still there while it has nothing for them.
#pragma once

#include <cstdint>
#include <optional>

#include "core/bytes.h"
#include "core/clock.h"
#include "core/error.h"
#include "site/group.h"

namespace causeway {

inline constexpr uint64_t kOrderBytesMax = uint64_t{1} << 30;

/// One in each process of a group. Between two orders all may use the group for collectives that
/// the first of them asks for. One thread at a time. The faults are the group's.
class Orders {
 public:
  /// Group and clock outlive it. `quiet_ms_max`: see keep; far below the group's time limit.
  Orders(SiteGroup& group, const Clock& clock, int64_t quiet_ms_max = 1'000)
      : group_(group), clock_(clock), quiet_ms_max_(quiet_ms_max) {}
  Orders(const Orders&) = delete;
  Orders& operator=(const Orders&) = delete;

  SiteGroup& group() { return group_; }
  const SiteGroup& group() const { return group_; }

  // ---- The leader's.
  /// Fault::kBadInput, and nothing is said, if it has more than kOrderBytesMax.
  Result<void> give(ByteSpan order);
  /// While there is no order: says so, if nothing was said for `quiet_ms_max`. A follower that died
  /// is noticed here too. To be called often.
  Result<void> keep();
  /// The last word: all may go, with this exit code.
  Result<void> end(int32_t exit_code);
  /// A follower was told to leave by a signal of its own; what the leader does about it is its own.
  bool asked_to_leave() const { return asked_to_leave_; }
  void ask_to_leave() { asked_to_leave_ = true; }

  // ---- A follower's.
  struct Word {
    Bytes order;
    std::optional<int32_t> exit_code;  ///< there are no more orders
  };
  /// Waits for the next one. Fault::kCorrupt if it is none that a leader gives.
  Result<Word> next();

 private:
  /// Values are fixed: they cross the group.
  enum class Kind : uint64_t { kKeep = 1, kOrder = 2, kEnd = 3 };
  struct Head {
    Kind kind = Kind::kKeep;
    uint64_t value = 0;  // bytes of the order, or the exit code
  };

  Result<void> say(Head head);

  SiteGroup& group_;
  const Clock& clock_;
  const int64_t quiet_ms_max_;
  int64_t said_ns_ = 0;
  bool asked_to_leave_ = false;
};

}  // namespace causeway

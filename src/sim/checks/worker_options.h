// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/options.h"
#include "sim/check.h"
#include "sim/world.h"

namespace causeway {

/// Options of a check about one worker and what was said of it.
struct WorkerCheckOptions {
  int64_t worker = 0;
  std::string reason;

  template <class Visit>
  void each(Visit&& visit) {
    visit("worker", worker, Range<int64_t>{0, 65'535}, "", "Which worker.");
    visit("reason", reason, Any{}, "", "Text that the reason has.");
  }
};

/// What is wrong unless the list has the worker with a reason that has the wanted text.
inline std::string want_gone(const std::vector<History::Gone>& list,
                             const WorkerCheckOptions& wanted, std::string_view what) {
  std::string got;
  for (const History::Gone& one : list) {
    if (one.worker != wanted.worker) continue;
    if (one.reason.find(wanted.reason) != std::string::npos) return {};
    got += (got.empty() ? "" : "; ") + one.reason;
  }
  if (got.empty()) return fmt::format("worker {} was never {}", wanted.worker, what);
  return fmt::format("worker {} was {} for: {}; wanted: `{}`", wanted.worker, what, got,
                     wanted.reason);
}

}  // namespace causeway

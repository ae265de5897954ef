// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <string>

#include "core/clock.h"
#include "prepare/prepare.h"

namespace causeway {

/// How a preparation is shown: one live line on a terminal, a few lines in a file, or JSON.
enum class PrepareForm : uint8_t { kLive, kPlain, kJson };

/// Tells how far a preparation is. One thread.
class PrepareScreen {
 public:
  PrepareScreen(PrepareForm form, std::FILE* out, const Clock& clock)
      : form_(form), out_(out), clock_(clock), began_ns_(clock.now_ns()) {}

  void progress(const PrepareProgress& progress);
  void trouble(const std::string& text);
  /// `hint` says how to go on if it is not finished.
  void end(const PrepareSummary& summary, const std::string& folder, int64_t memory_bytes,
           const std::string& hint);

 private:
  bool is_due(const PrepareProgress& progress);
  double seconds_since(int64_t ns) const {
    return static_cast<double>(clock_.now_ns() - ns) * 1e-9;
  }
  std::string line(const PrepareProgress& progress) const;
  void clear_line() const;

  const PrepareForm form_;
  std::FILE* const out_;
  const Clock& clock_;
  const int64_t began_ns_;
  bool has_first_ = false;
  PrepareProgress first_;  ///< where this process began: it may have gone on from an earlier one
  int64_t first_ns_ = 0, shown_ns_ = 0;
  int64_t shown_percent_ = 0;
  double wait_s_ = 0;
};

}  // namespace causeway

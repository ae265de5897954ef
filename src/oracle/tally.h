// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <string>
#include <variant>

namespace causeway::oracle {

/// The worst difference of each quantity of a case, beside its limit.
class Tally {
 public:
  void add(const std::string& quantity, double difference, double limit) {
    Worst& worst = worst_[quantity];
    ++worst.count;
    // NaN never passes: a comparison that it fails keeps it.
    if (!(difference <= limit)) passed_ = false;
    if (!(difference * worst.limit <= worst.difference * limit))
      worst.difference = difference, worst.limit = limit;
  }
  /// A word on how it was run.
  void note(std::string text) { note_ = std::move(text); }
  bool passed() const { return passed_ && !worst_.empty(); }
  std::string text() const {
    std::string out = note_.empty() ? "" : "  (" + note_ + ")";
    for (const auto& [name, worst] : worst_)
      out += fmt::format("  {} {:.2g}/{:.2g}{}", name, worst.difference, worst.limit,
                         worst.difference <= worst.limit ? "" : " FAILED");
    return out;
  }

 private:
  struct Worst {
    double difference = 0, limit = 1;
    int64_t count = 0;
  };
  std::map<std::string, Worst> worst_;
  bool passed_ = true;
  std::string note_;
};

struct Skipped {
  std::string why;
};
using Outcome = std::variant<Tally, Skipped>;

}  // namespace causeway::oracle

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "lab/laboratory.h"

namespace causeway {

enum class Verdict : uint8_t {
  kSeen = 1,     ///< the whole interval lies where the claim wants it
  kNotSeen = 2,  ///< it lies elsewhere
  kUnclear = 3,  ///< it lies on both sides
};

/// "seen", "not seen", "unclear".
std::string verdict_text(Verdict verdict);

/// A claim of a paper, beside what was seen.
struct Relation {
  std::string claim;
  std::string source;  ///< paper
  std::string seen;
  Verdict verdict = Verdict::kUnclear;
};

/// Where an interval lies: below `limit`, above it, on both sides.
Verdict below(const Interval& interval, double limit);

/// Claims that a's loss is at most b's. Of two diverged methods nothing is said.
Relation not_worse(std::string claim, std::string source, const ArmResult& a, const ArmResult& b);

/// Claims that the two losses differ by at most `part` of b's.
Relation about_equal(std::string claim, std::string source, const ArmResult& a, const ArmResult& b,
                     double part = 0.01);

/// Claims that `value` is at least `least`: a count, without chance.
Relation at_least(std::string claim, std::string source, double value, double least,
                  const std::string& unit);

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "lab/relation.h"

#include <fmt/format.h>

#include <cmath>

namespace causeway {
namespace {

std::string difference_text(const ArmResult& a, const ArmResult& b, const Interval& difference) {
  if (!std::isfinite(difference.mean))
    return fmt::format("{}: {}; {}: {}", a.arm.series, interval_text(a.loss()), b.arm.series,
                       interval_text(b.loss()));
  return fmt::format("{}{} nats ({:+.2f} %)", difference.mean >= 0 ? "+" : "",
                     interval_text(difference), 100 * difference.mean / b.loss().mean);
}

}  // namespace

std::string verdict_text(Verdict verdict) {
  switch (verdict) {
    case Verdict::kSeen:
      return "seen";
    case Verdict::kNotSeen:
      return "not seen";
    default:
      return "unclear";
  }
}

Verdict below(const Interval& interval, double limit) {
  if (interval.high() <= limit) return Verdict::kSeen;
  if (interval.low() > limit) return Verdict::kNotSeen;
  return Verdict::kUnclear;
}

Relation not_worse(std::string claim, std::string source, const ArmResult& a, const ArmResult& b) {
  const Interval difference = paired_difference(a.nats(), b.nats());
  return {std::move(claim), std::move(source), difference_text(a, b, difference),
          below(difference, 0)};
}

Relation about_equal(std::string claim, std::string source, const ArmResult& a, const ArmResult& b,
                     double part) {
  const Interval difference = paired_difference(a.nats(), b.nats());
  const double limit = part * b.loss().mean;
  Verdict verdict = Verdict::kUnclear;
  if (difference.high() <= limit && difference.low() >= -limit) verdict = Verdict::kSeen;
  if (difference.low() > limit || difference.high() < -limit) verdict = Verdict::kNotSeen;
  return {std::move(claim), std::move(source), difference_text(a, b, difference), verdict};
}

Relation at_least(std::string claim, std::string source, double value, double least,
                  const std::string& unit) {
  if (!std::isfinite(value))
    return {std::move(claim), std::move(source), "nothing was sent", Verdict::kUnclear};
  return {std::move(claim), std::move(source), fmt::format("{:.4g} {}", value, unit),
          value >= least ? Verdict::kSeen : Verdict::kNotSeen};
}

}  // namespace causeway

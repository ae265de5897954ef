// SPDX-License-Identifier: Apache-2.0
#include "lab/relation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace causeway {
namespace {

using testing::HasSubstr;

ArmResult result(const std::string& name, std::vector<double> nats) {
  ArmResult out;
  out.arm.series = name;
  for (const double one : nats) {
    out.outcomes.emplace_back();
    out.outcomes.back().nats = one;
  }
  return out;
}

Verdict not_worse_verdict(const ArmResult& a, const ArmResult& b) {
  return not_worse("", "", a, b).verdict;
}

const ArmResult kBase = result("base", {2.0, 2.1, 2.2});

TEST(Relation, IsSeenWhereTheWholeIntervalAgrees) {
  EXPECT_EQ(not_worse_verdict(result("a", {1.9, 2.0, 2.1}), kBase), Verdict::kSeen);
  EXPECT_EQ(not_worse_verdict(result("a", {2.1, 2.2, 2.3}), kBase), Verdict::kNotSeen);
  EXPECT_EQ(not_worse_verdict(result("a", {1.9, 2.2, 2.1}), kBase), Verdict::kUnclear);
  EXPECT_EQ(not_worse_verdict(kBase, kBase), Verdict::kSeen);
}

/// Seeds differ by more than methods do; what differs within a seed decides.
TEST(Relation, IsPairedBySeed) {
  EXPECT_EQ(not_worse_verdict(result("a", {1.998, 2.097, 2.198}), kBase), Verdict::kSeen);
  EXPECT_EQ(not_worse_verdict(result("a", {2.198, 1.998, 2.097}), kBase), Verdict::kUnclear);
}

TEST(Relation, OfEquals) {
  const auto verdict = [](std::vector<double> nats) {
    return about_equal("", "", result("a", std::move(nats)), kBase, 0.01).verdict;
  };
  EXPECT_EQ(verdict({2.001, 2.102, 2.199}), Verdict::kSeen);
  EXPECT_EQ(verdict({2.1, 2.2, 2.3}), Verdict::kNotSeen);
  EXPECT_EQ(verdict({1.9, 2.0, 2.1}), Verdict::kNotSeen);
  EXPECT_EQ(verdict({2.05, 2.05, 2.3}), Verdict::kUnclear);
}

TEST(Relation, SaysWhatWasSeen) {
  const Relation one = not_worse("claim", "paper", result("a", {2.1, 2.2, 2.3}), kBase);
  EXPECT_THAT(one.seen, HasSubstr("+0.1000"));
  EXPECT_THAT(one.seen, HasSubstr("4.76 %"));
  EXPECT_EQ(one.claim, "claim");
  EXPECT_EQ(one.source, "paper");
  const Relation counted = at_least("", "", 170.7, 165, "times");
  EXPECT_EQ(counted.verdict, Verdict::kSeen);
  EXPECT_EQ(counted.seen, "170.7 times");
  EXPECT_EQ(at_least("", "", 164, 165, "times").verdict, Verdict::kNotSeen);
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(at_least("", "", infinity, 165, "times").verdict, Verdict::kUnclear);
}

TEST(Relation, IsNotSeenOfWhatDiverged) {
  const double infinity = std::numeric_limits<double>::infinity();
  const ArmResult far = result("far", {2.0, infinity, 2.0});
  EXPECT_THAT(not_worse("", "", far, kBase).seen, HasSubstr("far: diverged"));
  EXPECT_NE(not_worse_verdict(far, kBase), Verdict::kSeen);
  EXPECT_NE(not_worse_verdict(far, far), Verdict::kSeen);
}

/// One seed has no interval.
TEST(Relation, OfOneSeedIsUnclear) {
  EXPECT_EQ(not_worse_verdict(result("a", {1.0}), result("b", {2.0})), Verdict::kUnclear);
}

}  // namespace
}  // namespace causeway

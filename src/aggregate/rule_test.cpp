// SPDX-License-Identifier: Apache-2.0
//
// The contract of Rule, over every rule that folds tile by tile.
#include "aggregate/rule.h"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

#include "core/random.h"

namespace causeway {
namespace {

using Rows = std::vector<std::vector<float>>;

Rows random_rows(size_t members, size_t size) {
  Rows rows(members, std::vector<float>(size));
  for (size_t m = 0; m < members; ++m) {
    const Random random(2, Stream::kSample, static_cast<uint32_t>(m));
    for (size_t i = 0; i < size; ++i) rows[m][i] = static_cast<float>(random.normal(i));
  }
  return rows;
}

std::vector<int64_t> random_weights(size_t members) {
  const Random random(4, Stream::kSample);
  std::vector<int64_t> weights;
  for (size_t m = 0; m < members; ++m)
    weights.push_back(1 + static_cast<int64_t>(random.below(m, kWeightMax)));
  return weights;
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

class EveryRule : public testing::TestWithParam<const Entry<Rule>*> {
 protected:
  EveryRule() {
    Mistakes mistakes;
    rule_ = GetParam()->make(Value(), mistakes);
    EXPECT_TRUE(mistakes.empty()) << mistakes.text();
  }

  // Folds values [start, start + size) of the rows.
  std::vector<float> fold(const Rows& rows, const std::vector<int64_t>& weights, size_t start,
                          size_t size) const {
    std::vector<std::span<const float>> tile;
    for (const auto& row : rows) tile.push_back(std::span(row).subspan(start, size));
    std::vector<float> out(size, -12345.0f);
    rule_->fold(tile, weights, out);
    return out;
  }
  std::vector<float> fold(const Rows& rows, const std::vector<int64_t>& weights) const {
    return fold(rows, weights, 0, rows[0].size());
  }

  std::unique_ptr<Rule> rule_;
};

TEST_P(EveryRule, GivesOneRowBack) {
  Rows rows = random_rows(1, 3000);
  if (rule_->adds()) rows[0][7] = -0.0f;
  rows[0][8] = std::numeric_limits<float>::max();
  rows[0][9] = std::numeric_limits<float>::denorm_min();
  for (const int64_t weight : {int64_t{1}, int64_t{3}, kWeightMax})
    EXPECT_TRUE(same_bits(fold(rows, {weight}), rows[0])) << weight;
}

TEST_P(EveryRule, GivesEqualRowsBackBitForBit) {
  for (const size_t members : {2, 3, 7, 8, 9, 16, 17, 33}) {
    auto row = random_rows(1, 1500)[0];
    if (rule_->adds()) row[3] = -0.0f;
    row[4] = -std::numeric_limits<float>::max();
    const Rows rows(members, row);
    EXPECT_TRUE(same_bits(fold(rows, random_weights(members)), row)) << members;
  }
}

// Goal: who folds a few members at a time gets the bits of who has them all. Method: every size of
// group, for numbers of members around them.
TEST_P(EveryRule, GivesTheSameBitsHoweverMembersAreGrouped) {
  if (!rule_->adds()) GTEST_SKIP() << "needs all rows at once";
  constexpr size_t kSize = 1500;
  for (const size_t members : {1, 2, 7, 8, 9, 20}) {
    Rows rows = random_rows(members, kSize);
    for (auto& row : rows) row[3] = -0.0F;
    const std::vector<int64_t> weights = random_weights(members);
    const std::vector<float> wanted = fold(rows, weights);
    const int64_t total = std::accumulate(weights.begin(), weights.end(), int64_t{0});
    for (size_t group = 1; group <= members; ++group) {
      std::vector<double> sums(kSize, 99);
      for (size_t m = 0; m < members; m += group) {
        const size_t count = std::min(group, members - m);
        const std::vector<std::span<const float>> tile(rows.begin() + m, rows.begin() + m + count);
        rule_->add(tile, std::span(weights).subspan(m, count), m == 0, sums);
      }
      std::vector<float> out(kSize);
      rule_->finish(sums, total, out);
      EXPECT_TRUE(same_bits(out, wanted)) << members << " members, by " << group;
    }
  }
}

TEST_P(EveryRule, GivesTheSameBitsHoweverATileIsCut) {
  const size_t size = 2500;
  for (const size_t members : {4, 11}) {
    const Rows rows = random_rows(members, size);
    const auto weights = random_weights(members);
    const auto whole = fold(rows, weights);
    for (const size_t cut : {1, 2, 3, 5, 8, 1023, 1024, 1025, 2048, 2499}) {
      auto joined = fold(rows, weights, 0, cut);
      const auto rest = fold(rows, weights, cut, size - cut);
      joined.insert(joined.end(), rest.begin(), rest.end());
      EXPECT_TRUE(same_bits(joined, whole)) << members << " members, cut at " << cut;
    }
  }
}

TEST_P(EveryRule, StaysBetweenTheRows) {
  const Rows rows = random_rows(5, 2000);
  const auto out = fold(rows, random_weights(5));
  for (size_t i = 0; i < out.size(); ++i) {
    float low = rows[0][i], high = rows[0][i];
    for (const auto& row : rows) low = std::min(low, row[i]), high = std::max(high, row[i]);
    EXPECT_TRUE(out[i] >= low && out[i] <= high) << i;
  }
}

using EveryRuleDeath = EveryRule;

TEST_P(EveryRuleDeath, ChecksItsCaller) {
  const Rows rows = random_rows(2, 10);
  EXPECT_DEATH(fold(rows, {1}), "check failed");
  EXPECT_DEATH(fold(rows, {1, 0}), "check failed");
  EXPECT_DEATH(fold(rows, {1, kWeightMax + 1}), "check failed");
  std::vector<float> out(10);
  EXPECT_DEATH(rule_->fold({}, {}, out), "check failed");
}

std::string name_of(const testing::TestParamInfo<const Entry<Rule>*>& info) {
  return std::string(info.param->name);
}

/// Others see tensors whole, or fold nothing: their own tests have what they promise.
std::vector<const Entry<Rule>*> tile_rules() {
  std::vector<const Entry<Rule>*> out;
  for (const auto* entry : rules()) {
    Mistakes mistakes;
    const auto rule = entry->make(Value(), mistakes);
    if (!rule->by_tensor() && !rule->gathers()) out.push_back(entry);
  }
  return out;
}
INSTANTIATE_TEST_SUITE_P(Rules, EveryRule, testing::ValuesIn(tile_rules()), name_of);
INSTANTIATE_TEST_SUITE_P(Rules, EveryRuleDeath, testing::ValuesIn(tile_rules()), name_of);

}  // namespace
}  // namespace causeway

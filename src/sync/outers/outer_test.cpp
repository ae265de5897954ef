// SPDX-License-Identifier: Apache-2.0
#include "sync/outer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/toml.h"

namespace causeway {
namespace {

using Floats = std::vector<float>;

std::unique_ptr<OuterOptimizer> make(const std::string& name, const std::string& options,
                                     Mistakes& mistakes) {
  Plugin plugin{name, parse_toml(options, "test", mistakes)};
  return make_plugin(outer_optimizers(), "outer optimizer", plugin, mistakes);
}

/// An anchor with its buffers.
struct Anchor {
  Anchor(const OuterOptimizer& optimizer, Floats start)
      : x(std::move(start)), buffers(optimizer.buffers().size(), Floats(x.size())) {}

  /// One round on the part [begin, end), or on all.
  void step(const OuterOptimizer& optimizer, int64_t round, const Floats& delta, size_t begin = 0,
            size_t end = std::numeric_limits<size_t>::max()) {
    const size_t count = std::min(end, x.size()) - begin;
    std::vector<std::span<float>> parts;
    for (Floats& buffer : buffers) parts.push_back(std::span(buffer).subspan(begin, count));
    optimizer.step(round, std::span(delta).subspan(begin, count),
                   std::span(x).subspan(begin, count), parts);
  }
  std::vector<uint32_t> bits() const {
    std::vector<uint32_t> out;
    for (float value : x) out.push_back(std::bit_cast<uint32_t>(value));
    for (const Floats& buffer : buffers)
      for (float value : buffer) out.push_back(std::bit_cast<uint32_t>(value));
    return out;
  }

  Floats x;
  std::vector<Floats> buffers;
};

/// Fixed numbers of several magnitudes and both signs.
Floats wave(size_t count, double phase) {
  Floats out;
  for (size_t i = 0; i < count; ++i) {
    const double t = static_cast<double>(i) + phase;
    out.push_back(static_cast<float>(std::sin(1.3 * t) * std::exp(3 * std::cos(0.7 * t))));
  }
  return out;
}

// float32 against the oracle's float64: five rounds of a few roundings each.
constexpr double kRelative = 3e-7, kAbsolute = 1e-7;

TEST(OuterOptimizers, AgreeWithTheOracle) {
  std::ifstream file(CAUSEWAY_SOURCE "/tests/oracle/traces/units.json");
  const auto units = nlohmann::json::parse(file);
  const auto deltas = units["deltas"].get<std::vector<Floats>>();
  ASSERT_EQ(units["outer"].size(), 5);
  for (const auto& unit : units["outer"]) {
    SCOPED_TRACE(unit["options"].dump());
    Mistakes mistakes;
    Plugin plugin{unit["options"]["name"], Value::Table{}};
    for (const auto& [key, value] : unit["options"].items())
      if (key != "name") set_path(plugin.options, key + "=" + value.dump(), mistakes);
    const auto optimizer = make_plugin(outer_optimizers(), "outer optimizer", plugin, mistakes);
    ASSERT_TRUE(mistakes.empty()) << mistakes.text();

    Anchor at(*optimizer, units["anchor0"].get<Floats>());
    for (size_t n = 0; n < deltas.size(); ++n) {
      at.step(*optimizer, static_cast<int64_t>(n + 1), deltas[n]);
      const auto& after = unit["after"][n];
      ASSERT_EQ(after.size(), 1 + at.buffers.size());
      const auto expect = [&](const std::string& name, const Floats& got) {
        const auto wanted = after[name].get<std::vector<double>>();
        ASSERT_EQ(got.size(), wanted.size());
        for (size_t i = 0; i < got.size(); ++i)
          EXPECT_NEAR(got[i], wanted[i], kRelative * std::abs(wanted[i]) + kAbsolute)
              << name << "[" << i << "] after round " << n + 1;
      };
      expect("x", at.x);
      for (size_t j = 0; j < at.buffers.size(); ++j)
        expect(std::string(optimizer->buffers()[j]), at.buffers[j]);
    }
  }
}

struct OuterCase {
  std::string name, options;
};
std::vector<OuterCase> cases() {
  std::vector<OuterCase> out;
  for (const auto* entry : outer_optimizers()) out.push_back({std::string(entry->name), ""});
  out.push_back({"adam", "bias_correction = true"});
  return out;
}

class EveryOuterOptimizer : public testing::TestWithParam<OuterCase> {
 protected:
  void SetUp() override {
    optimizer_ = make(GetParam().name, GetParam().options, mistakes_);
    ASSERT_TRUE(mistakes_.empty()) << mistakes_.text();
  }
  Mistakes mistakes_;
  std::unique_ptr<OuterOptimizer> optimizer_;
};

INSTANTIATE_TEST_SUITE_P(All, EveryOuterOptimizer, testing::ValuesIn(cases()), [](const auto& one) {
  return one.param.name + "_" + std::to_string(one.index);
});

TEST_P(EveryOuterOptimizer, GivesTheSameBitsOnSplitSpans) {
  constexpr size_t kCount = 1337;
  Anchor whole(*optimizer_, wave(kCount, 0.5)), parts = whole;
  for (int64_t round = 1; round <= 4; ++round) {
    const Floats delta = wave(kCount, 10.0 * static_cast<double>(round));
    whole.step(*optimizer_, round, delta);
    const size_t cuts[] = {0, 1, 3, 510, 513, 1025, kCount};
    for (size_t i = 0; i + 1 < std::size(cuts); ++i)
      parts.step(*optimizer_, round, delta, cuts[i], cuts[i + 1]);
    ASSERT_EQ(whole.bits(), parts.bits()) << "round " << round;
  }
  EXPECT_NE(whole.x, wave(kCount, 0.5));
}

TEST_P(EveryOuterOptimizer, KeepsPaddingAtZero) {
  const Anchor zero(*optimizer_, Floats(19));
  Anchor at = zero;
  for (int64_t round = 1; round <= 4; ++round) at.step(*optimizer_, round, Floats(19));
  EXPECT_EQ(at.bits(), zero.bits());
}

TEST_P(EveryOuterOptimizer, KeepsNanWhereItIs) {
  Floats delta = wave(19, 0.5);
  delta[4] = std::numeric_limits<float>::quiet_NaN();
  Anchor at(*optimizer_, wave(19, 3)), clean = at;
  at.step(*optimizer_, 1, delta);
  clean.step(*optimizer_, 1, wave(19, 0.5));
  for (size_t i = 0; i < 19; ++i) {
    if (i == 4)
      EXPECT_TRUE(std::isnan(at.x[i]));
    else
      EXPECT_EQ(at.x[i], clean.x[i]);
  }
}

// With lr 1 the anchor becomes mean(x), which is FedAvg.
TEST(OuterOptimizers, SgdDefaultsToPlainAveraging) {
  Mistakes mistakes;
  const auto optimizer = make("sgd", "", mistakes);
  Anchor at(*optimizer, {3, -2});
  at.step(*optimizer, 1, {0.5f, 1});
  EXPECT_THAT(at.x, testing::ElementsAre(2.5f, -3));
}

TEST(OuterOptimizers, NesterovsFirstRoundHasGainOnePlusMomentum) {
  Mistakes mistakes;
  const auto optimizer = make("nesterov", "lr = 0.5\nmomentum = 0.75", mistakes);
  Anchor at(*optimizer, {0, 0});
  at.step(*optimizer, 1, {1, -2});
  EXPECT_THAT(at.x, testing::ElementsAre(-0.5f * 1.75f, 1.75f));
}

TEST(OuterOptimizers, WithoutMomentumAreSgd) {
  Mistakes mistakes;
  for (const std::string name : {"momentum", "nesterov"}) {
    const auto optimizer = make(name, "lr = 0.3\nmomentum = 0", mistakes);
    const auto sgd = make("sgd", "lr = 0.3", mistakes);
    Anchor at(*optimizer, wave(20, 0)), plain(*sgd, wave(20, 0));
    for (int64_t round = 1; round <= 3; ++round) {
      at.step(*optimizer, round, wave(20, static_cast<double>(round)));
      plain.step(*sgd, round, wave(20, static_cast<double>(round)));
    }
    EXPECT_EQ(at.x, plain.x) << name;
  }
}

// A constant delta: the corrected moments are delta and delta^2 in every round, also in the
// millionth.
TEST(OuterOptimizers, CorrectedAdamMovesByItsRate) {
  Mistakes mistakes;
  const auto optimizer = make(
      "adam", "lr = 0.25\nbetas = [0.9, 0.999]\ntau = 1e-30\nbias_correction = true", mistakes);
  Anchor at(*optimizer, {0, 0});
  for (int64_t round = 1; round <= 20; ++round) {
    at.step(*optimizer, round, {2, -0.01f});
    EXPECT_NEAR(at.x[0], -0.25 * static_cast<double>(round), 1e-4);
    EXPECT_NEAR(at.x[1], 0.25 * static_cast<double>(round), 1e-4);
  }
  at.buffers = {{2, 2}, {4, 4}};
  at.x = {0, 0};
  at.step(*optimizer, 1'000'000, {2, 2});
  EXPECT_NEAR(at.x[0], -0.25, 1e-6);
}

// Worked by hand: v rises by (1 - b2) delta^2 while below delta^2 and falls by as much above it.
TEST(OuterOptimizers, YogiMovesTheSecondMomentBothWays) {
  Mistakes mistakes;
  const auto optimizer = make("yogi", "lr = 1\nbetas = [0.5, 0.75]\ntau = 1", mistakes);
  Anchor at(*optimizer, {0});
  at.step(*optimizer, 1, {4});  // v = 0 + 16 / 4, m = 2
  EXPECT_FLOAT_EQ(at.buffers[1][0], 4);
  EXPECT_FLOAT_EQ(at.x[0], -2.0f / 3);
  at.step(*optimizer, 2, {1});  // v = 4 - 1 / 4, m = 1.5
  EXPECT_FLOAT_EQ(at.buffers[1][0], 3.75f);
  EXPECT_FLOAT_EQ(at.x[0], -2.0f / 3 - 1.5f / (std::sqrt(3.75f) + 1));
  at.buffers[1][0] = 9;  // v = delta^2 stays
  at.step(*optimizer, 3, {3});
  EXPECT_EQ(at.buffers[1][0], 9);
}

TEST(OuterOptimizers, RefuseWrongOptions) {
  const struct {
    std::string name, options, message;
  } wrong[] = {
      {"adam", "betas = [0.9]", "`betas` has 1 numbers; wanted: 2"},
      {"yogi", "betas = [0.9, 0.9, 0.9]", "`betas` has 3 numbers; wanted: 2"},
      {"adam", "tau = 0", "`tau` is 0"},
      {"nesterov", "momentum = 1", "`momentum` is 1"},
  };
  for (const auto& one : wrong) {
    Mistakes mistakes;
    const auto optimizer = make(one.name, one.options, mistakes);
    ASSERT_EQ(mistakes.size(), 1) << one.name << " " << one.options;
    EXPECT_THAT(mistakes.text(), testing::HasSubstr(one.message));
    Anchor at(*optimizer, {1});
    at.step(*optimizer, 1, {1});
    EXPECT_TRUE(std::isfinite(at.x[0]));
  }
}

}  // namespace
}  // namespace causeway

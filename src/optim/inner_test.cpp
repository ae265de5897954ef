// SPDX-License-Identifier: Apache-2.0
#include "optim/inner.h"

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

std::unique_ptr<InnerOptimizer> make(const std::string& name, const std::string& options,
                                     Mistakes& mistakes) {
  Plugin plugin{name, parse_toml(options, "test", mistakes)};
  return make_plugin(inner_optimizers(), "inner optimizer", plugin, mistakes);
}

/// Values with their states, as the trainer holds them.
struct Trainee {
  Trainee(const InnerOptimizer& optimizer, Floats start)
      : x(std::move(start)), states(optimizer.states().size(), Floats(x.size())) {}

  /// One step on the part [begin, end), or on all.
  void step(const InnerOptimizer& optimizer, const Update& update, const Floats& g,
            size_t begin = 0, size_t end = std::numeric_limits<size_t>::max()) {
    const size_t count = std::min(end, x.size()) - begin;
    std::vector<std::span<float>> parts;
    for (Floats& state : states) parts.push_back(std::span(state).subspan(begin, count));
    optimizer.step(update, std::span(x).subspan(begin, count), std::span(g).subspan(begin, count),
                   parts);
  }
  /// Every bit of x and the states; NaN and -0 are told apart.
  std::vector<uint32_t> bits() const {
    std::vector<uint32_t> out;
    for (float value : x) out.push_back(std::bit_cast<uint32_t>(value));
    for (const Floats& state : states)
      for (float value : state) out.push_back(std::bit_cast<uint32_t>(value));
    return out;
  }

  Floats x;
  std::vector<Floats> states;
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

Floats scaled(Floats values, float scale) {
  for (float& value : values) value *= scale;
  return values;
}

// float32 against the oracle's float64: five updates of a few roundings each.
constexpr double kRelative = 3e-7, kAbsolute = 1e-7;

TEST(InnerOptimizers, AgreeWithTheOracle) {
  std::ifstream file(CAUSEWAY_SOURCE "/tests/oracle/traces/units.json");
  const auto units = nlohmann::json::parse(file);
  const auto gradients = units["gradients"].get<std::vector<Floats>>();
  ASSERT_EQ(units["inner"].size(), 10);
  for (const auto& unit : units["inner"]) {
    SCOPED_TRACE(unit["options"].dump());
    Mistakes mistakes;
    Plugin plugin{unit["options"]["name"], Value::Table{}};
    for (const auto& [key, value] : unit["options"].items())
      if (key != "name") set_path(plugin.options, key + "=" + value.dump(), mistakes);
    const auto optimizer = make_plugin(inner_optimizers(), "inner optimizer", plugin, mistakes);
    ASSERT_TRUE(mistakes.empty()) << mistakes.text();
    EXPECT_EQ(optimizer->rate(), unit["options"]["lr"]);

    Trainee run(*optimizer, units["x0"].get<Floats>());
    for (size_t n = 0; n < gradients.size(); ++n) {
      run.step(*optimizer, {.count = static_cast<int64_t>(n), .rate = units["rates"][n]},
               gradients[n]);
      const auto& after = unit["after"][n];
      ASSERT_EQ(after.size(), 1 + run.states.size());
      const auto expect = [&](const std::string& name, const Floats& got) {
        const auto wanted = after[name].get<std::vector<double>>();
        ASSERT_EQ(got.size(), wanted.size());
        for (size_t i = 0; i < got.size(); ++i)
          EXPECT_NEAR(got[i], wanted[i], kRelative * std::abs(wanted[i]) + kAbsolute)
              << name << "[" << i << "] after update " << n;
      };
      expect("x", run.x);
      for (size_t j = 0; j < run.states.size(); ++j) expect(optimizer->states()[j], run.states[j]);
    }
  }
}

/// Every optimizer with its defaults, and those whose options change the code path.
struct Case {
  std::string name, options;
};
std::vector<Case> cases() {
  std::vector<Case> out;
  for (const auto* entry : inner_optimizers()) out.push_back({std::string(entry->name), ""});
  const std::string three = "betas = [0.9, 0.99, 0.999]\nomegas = [0.3, 0.2, 0.4]\n";
  out.push_back({"qh_adamw", three + "bias_correction = false\nweight_decay = 0.1"});
  out.push_back({"qh_adopt", three + "weight_decay = 0.1"});
  out.push_back({"adopt", "weight_decay = 0.1"});
  out.push_back({"sgd_momentum", "weight_decay = 0.1"});
  return out;
}

class EveryInnerOptimizer : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    optimizer_ = make(GetParam().name, GetParam().options, mistakes_);
    ASSERT_TRUE(mistakes_.empty()) << mistakes_.text();
  }
  Mistakes mistakes_;
  std::unique_ptr<InnerOptimizer> optimizer_;
};

INSTANTIATE_TEST_SUITE_P(All, EveryInnerOptimizer, testing::ValuesIn(cases()), [](const auto& one) {
  return one.param.name + "_" + std::to_string(one.index);
});

TEST_P(EveryInnerOptimizer, GivesTheSameBitsOnSplitSpans) {
  constexpr size_t kCount = 1337;
  Trainee whole(*optimizer_, wave(kCount, 0.5)), parts = whole;
  for (int64_t n = 0; n < 4; ++n) {
    const Update update{.count = n, .rate = 0.01, .scale = 0.9};
    const Floats g = wave(kCount, 10.0 * static_cast<double>(n));
    whole.step(*optimizer_, update, g);
    const size_t cuts[] = {0, 1, 3, 510, 513, 1025, kCount};
    for (size_t i = 0; i + 1 < std::size(cuts); ++i)
      parts.step(*optimizer_, update, g, cuts[i], cuts[i + 1]);
    ASSERT_EQ(whole.bits(), parts.bits()) << "update " << n;
  }
}

TEST_P(EveryInnerOptimizer, GoesOnFromStoredStates) {
  Trainee run(*optimizer_, wave(40, 0.5));
  const auto steps = [](const InnerOptimizer& optimizer, Trainee& on, int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n)
      on.step(optimizer, {.count = n, .rate = 0.01}, wave(40, static_cast<double>(n)));
  };
  steps(*optimizer_, run, 0, 3);
  Trainee stored = run;
  steps(*optimizer_, run, 3, 6);
  steps(*make(GetParam().name, GetParam().options, mistakes_), stored, 3, 6);
  EXPECT_EQ(run.bits(), stored.bits());
  EXPECT_NE(run.x, wave(40, 0.5));
}

TEST_P(EveryInnerOptimizer, ScalesTheGradientFirst) {
  Trainee by_scale(*optimizer_, wave(40, 0.5)), by_hand = by_scale, without = by_scale;
  const float scale = 0.3f;
  for (int64_t n = 0; n < 4; ++n) {
    const Floats g = wave(40, static_cast<double>(n));
    by_scale.step(*optimizer_, {.count = n, .rate = 0.01, .scale = scale}, g);
    by_hand.step(*optimizer_, {.count = n, .rate = 0.01}, scaled(g, scale));
    without.step(*optimizer_, {.count = n, .rate = 0.01}, g);
  }
  EXPECT_EQ(by_scale.bits(), by_hand.bits());
  EXPECT_NE(by_scale.bits(), without.bits());
}

TEST_P(EveryInnerOptimizer, KeepsPaddingAtZero) {
  const Trainee zero(*optimizer_, Floats(19));
  Trainee run = zero;
  for (int64_t n = 0; n < 4; ++n)
    run.step(*optimizer_, {.count = n, .rate = 0.01, .scale = 0.5}, Floats(19));
  EXPECT_EQ(run.bits(), zero.bits());
}

TEST_P(EveryInnerOptimizer, KeepsNanWhereItIs) {
  Floats g = wave(19, 0.5);
  g[4] = std::numeric_limits<float>::quiet_NaN();
  Trainee run(*optimizer_, wave(19, 3)), clean = run;
  for (int64_t n = 0; n < 3; ++n) {
    run.step(*optimizer_, {.count = n, .rate = 0.01}, g);
    clean.step(*optimizer_, {.count = n, .rate = 0.01}, wave(19, 0.5));
  }
  for (size_t i = 0; i < 19; ++i) {
    if (i == 4)
      EXPECT_TRUE(std::isnan(run.x[i]));
    else
      EXPECT_EQ(run.x[i], clean.x[i]);
  }
}

TEST_P(EveryInnerOptimizer, DecaysOnlyWhereTold) {
  Mistakes mistakes;
  // Muon's AdamW has a rate of its own.
  const std::string rate = GetParam().name == "muon" ? "\nadamw_lr = 1" : "";
  const auto decaying = make(GetParam().name, "weight_decay = 0.5" + rate, mistakes);
  const auto plain = make(GetParam().name, "weight_decay = 0" + rate, mistakes);
  ASSERT_TRUE(mistakes.empty()) << mistakes.text();
  Trainee on(*decaying, {2, -1}), off = on, none(*plain, {2, -1});
  for (int64_t n = 0; n < 2; ++n) {
    on.step(*decaying, {.count = n, .rate = 0.25, .decays = true}, {0, 0});
    off.step(*decaying, {.count = n, .rate = 0.25, .decays = false}, {0.1f, -3});
    none.step(*plain, {.count = n, .rate = 0.25, .decays = true}, {0.1f, -3});
  }
  EXPECT_EQ(off.bits(), none.bits());
  // 1 - 0.25 * 0.5 = 0.875 is exact. ADOPT's first update leaves x as it is.
  const bool adopt = GetParam().name.find("adopt") != std::string::npos;
  const float kept = adopt ? 0.875f : 0.875f * 0.875f;
  EXPECT_THAT(on.x, testing::ElementsAre(2 * kept, -kept));
}

TEST(InnerOptimizers, ToldToDecayAllSaySo) {
  for (const auto* entry : inner_optimizers()) {
    Mistakes mistakes;
    const std::string name(entry->name);
    EXPECT_FALSE(make(name, "", mistakes)->decays_all()) << name;
    EXPECT_TRUE(make(name, "decay_all = true", mistakes)->decays_all()) << name;
    EXPECT_TRUE(mistakes.empty()) << mistakes.text();
  }
}

// A mix with all the weight on one moment is that moment; with none on it, the gradient.
TEST(InnerOptimizers, AgreeWhereTheyAreTheSameMathematics) {
  Mistakes mistakes;
  const struct {
    std::string general, options, special, same;
  } pairs[] = {
      {"qh_adamw", "betas = [0.9]\nomegas = [1]\nbeta2 = 0.95", "adamw", "betas = [0.9, 0.95]"},
      {"qh_adopt", "betas = [0.9]\nomegas = [1]\nbeta2 = 0.999", "adopt", "betas = [0.9, 0.999]"},
      {"qhm", "omega = 0", "sgd", ""},
  };
  for (const auto& pair : pairs) {
    SCOPED_TRACE(pair.general);
    const auto general = make(pair.general, pair.options, mistakes);
    const auto special = make(pair.special, pair.same + "\nweight_decay = 0", mistakes);
    ASSERT_TRUE(mistakes.empty()) << mistakes.text();
    Trainee a(*general, wave(40, 0.5)), b(*special, wave(40, 0.5));
    for (int64_t n = 0; n < 20; ++n) {
      const Floats g = wave(40, 2.0 * static_cast<double>(n));
      a.step(*general, {.count = n, .rate = 0.01}, g);
      b.step(*special, {.count = n, .rate = 0.01}, g);
    }
    EXPECT_THAT(a.x, testing::Pointwise(testing::FloatNear(1e-5f), b.x));
    EXPECT_NE(a.x, wave(40, 0.5));
  }
}

TEST(InnerOptimizers, RefuseWrongLists) {
  const struct {
    std::string name, options, message;
  } wrong[] = {
      {"adamw", "betas = [0.9]", "`betas` has 1 numbers; wanted: 2"},
      {"adopt", "betas = [0.9, 0.9, 0.9]", "`betas` has 3 numbers; wanted: 2"},
      {"adamw", "betas = [0.9, 1.0]", "`betas` is [0.9, 1.0]"},
      {"adamw", "eps = 0", "`eps` is 0"},
      {"qh_adamw", "betas = [0.9, 0.99]", "`omegas` has 1 numbers; wanted: 2"},
      {"qh_adamw", "betas = []\nomegas = []", "`betas` has 0 numbers; wanted: 1 to 8"},
      {"qh_adopt", "betas = [0,0,0,0,0,0,0,0,0]\nomegas = [0,0,0,0,0,0,0,0,0]",
       "`betas` has 9 numbers"},
      {"qh_adopt", "betas = [0.9, 0.99]\nomegas = [0.6, 0.6]", "`omegas` sum to 1.2"},
      {"qhm", "omega = 1.5", "`omega` is 1.5"},
      {"sgd_momentum", "momentum = 1", "`momentum` is 1"},
  };
  for (const auto& one : wrong) {
    Mistakes mistakes;
    const auto optimizer = make(one.name, one.options, mistakes);
    ASSERT_EQ(mistakes.size(), 1) << one.name << " " << one.options;
    EXPECT_THAT(mistakes.text(), testing::HasSubstr(one.message));
    // It still is a working object.
    Mistakes none;
    EXPECT_EQ(optimizer->states(), make(one.name, "", none)->states());
    Trainee trainee(*optimizer, {1});
    for (int64_t n = 0; n < 2; ++n) trainee.step(*optimizer, {.count = n, .rate = 0.1}, {1});
    EXPECT_TRUE(std::isfinite(trainee.x[0]));
  }
}

// In binary, 0.2 + 0.4 + 0.3 + 0.1 is a little more than 1.
TEST(InnerOptimizers, TakeEightMomentsThatWeighOneInAll) {
  Mistakes mistakes;
  const auto optimizer = make("qh_adopt",
                              "betas = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]\n"
                              "omegas = [0.2, 0.4, 0.3, 0.1, 0, 0, 0, 0]",
                              mistakes);
  EXPECT_TRUE(mistakes.empty()) << mistakes.text();
  EXPECT_THAT(optimizer->states(),
              testing::ElementsAre("u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "v"));
}

}  // namespace
}  // namespace causeway

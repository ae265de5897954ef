// SPDX-License-Identifier: Apache-2.0
//
// Stochastic rounding, over the codecs that have it: right on average, a function of seed and
// place.
#include "codec/rounding.h"

#include <gtest/gtest.h>

#include <cmath>

#include "codec/test_codec.h"
#include "core/random.h"

namespace causeway {
namespace {

class StochasticRounding : public testing::TestWithParam<const char*> {
 protected:
  const std::unique_ptr<Codec> codec_ =
      codec_with<std::string>(GetParam(), "rounding", "stochastic");
  const std::unique_ptr<Codec> nearest_ = codec_with(GetParam());
};

// Values that every one of the codecs can write without saturation, the first the largest; int8
// then has a scale of 2^-7.
std::vector<float> values_between() {
  const Random random(41, Stream::kSample);
  std::vector<float> values = {127 * 0x1p-7f};
  for (uint64_t i = 1; i < 400; ++i)
    values.push_back(static_cast<float>((random.uniform(i) * 2 - 1) *
                                        std::ldexp(0.99, -static_cast<int>(i % 20))));
  return values;
}

// Goal: E[Q(x)] = x. Method: 4000 fixed seeds; two neighbours d apart give a deviation of at most
// d/2, so that the mean lies within 5 d / 2 sqrt(4000), and d is at most what single errors show.
TEST_P(StochasticRounding, IsRightOnAverage) {
  const auto values = values_between();
  constexpr int kSeeds = 4000;
  std::vector<double> sums(values.size()), low(values.size(), 1e9), high(values.size(), -1e9);
  for (int seed = 0; seed < kSeeds; ++seed) {
    const auto got = through(*codec_, values, static_cast<uint64_t>(seed));
    for (size_t i = 0; i < got.size(); ++i) {
      sums[i] += double{got[i]};
      low[i] = std::min(low[i], double{got[i]});
      high[i] = std::max(high[i], double{got[i]});
    }
  }
  int between = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double apart = high[i] - low[i];
    // Nothing but the two neighbours is ever drawn.
    EXPECT_LE(apart, std::max(std::abs(double{values[i]}) * 0x1p-7, 0x1p-7) + 1e-12);
    EXPECT_NEAR(sums[i] / kSeeds, double{values[i]},
                5 * apart / 2 / std::sqrt(kSeeds) + 1e-9 + (apart == 0 ? 0x1p-7 / kSeeds * 8 : 0))
        << "value " << i << ", " << values[i];
    between += apart > 0 ? 1 : 0;
  }
  EXPECT_GT(between, 300);
}

TEST_P(StochasticRounding, DependsOnSeedAndPlaceOnly) {
  const auto values = values_between();
  const auto bytes_at = [&](int64_t begin, uint64_t seed, std::span<const float> part) {
    Coding coding = seed;
    coding.begin = begin;
    return encode_signal(*codec_, part, coding);
  };
  EXPECT_EQ(bytes_at(0, 5, values), bytes_at(0, 5, values));
  EXPECT_NE(bytes_at(0, 5, values), bytes_at(0, 6, values));
  EXPECT_NE(bytes_at(0, 5, values), bytes_at(1, 5, values));
}

// However a signal is cut into calls, each value is drawn for by its index. A run of one value, of
// int8, keeps scales out of it.
TEST_P(StochasticRounding, IsTheSameHoweverASignalIsCut) {
  Plugin plugin{GetParam(), {}};
  plugin.options.set("rounding", "stochastic");
  if (plugin.name == "int8") plugin.options.set("block", 10);
  Mistakes mistakes;
  const auto codec = make_codec(plugin, mistakes);
  const auto values = values_between();
  const auto whole = through(*codec, values, 5);
  for (const size_t cut : {10, 70, 390}) {
    Coding coding = 5;
    std::vector<float> joined;
    for (size_t start = 0; start < values.size(); start += cut) {
      coding.begin = static_cast<int64_t>(start);
      const auto part = through(
          *codec, std::span(values).subspan(start, std::min(cut, values.size() - start)), coding);
      joined.insert(joined.end(), part.begin(), part.end());
    }
    EXPECT_EQ(joined, whole) << cut;
  }
}

TEST_P(StochasticRounding, KeepsWhatItCanWrite) {
  const auto written = through(*nearest_, values_between());
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const auto got = through(*codec_, written, seed);
    for (size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i], written[i]);
  }
}

INSTANTIATE_TEST_SUITE_P(Codecs, StochasticRounding, testing::Values("bf16", "fp16", "int8"),
                         [](const auto& one) { return std::string(one.param); });

}  // namespace
}  // namespace causeway

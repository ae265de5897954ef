// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "codec/test_codec.h"
#include "core/random.h"

namespace causeway {
namespace {

std::unique_ptr<Codec> make_topk(double keep) { return codec_with("topk", "keep", keep); }

// By a sort: equal magnitudes in order of index.
std::vector<float> plain(double keep, std::span<const float> values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, {}, [&](size_t i) { return std::pair(-std::abs(values[i]), i); });
  order.resize(static_cast<size_t>(std::ceil(keep * static_cast<double>(values.size()))));
  std::vector<float> out(values.size());
  for (const size_t index : order) out[index] = values[index];
  return out;
}

TEST(TopK, KeepsTheLargestOfAnyBlock) {
  const Random random(8, Stream::kSample);
  uint64_t position = 0;
  for (const double keep : {1e-6, 0.01, 0.06, 0.07, 0.5, 1.0})
    for (const size_t size : {1, 2, 255, 256, 257, 300, 5000, 16'383, 16'384}) {
      std::vector<float> values(size);
      for (float& value : values) value = static_cast<float>(random.normal(position++));
      EXPECT_EQ(round_trip(*make_topk(keep), values), plain(keep, values))
          << keep << " of " << size;
    }
}

// Few magnitudes, so that most of the kept are ties, and many zeros.
TEST(TopK, BreaksTiesByIndex) {
  const Random random(9, Stream::kSample);
  for (const uint64_t magnitudes : {1, 2, 3, 40})
    for (const double keep : {0.01, 0.2, 0.8}) {
      std::vector<float> values(4000);
      for (size_t i = 0; i < values.size(); ++i)
        values[i] = (random.bits(i) % 2 == 0 ? 0.5f : -0.5f) *
                    static_cast<float>(random.below(i + 10'000, magnitudes));
      EXPECT_EQ(round_trip(*make_topk(keep), values), plain(keep, values));
    }
}

// The largest all in one group, a column of sixteen rows: no other group has a candidate.
TEST(TopK, FindsThemInOnePlace) {
  std::vector<float> values(16'384, 1.0f);
  for (size_t i = 0; i < 164; ++i) values[i * 16 % 2560 + i / 160] = 2.0f + static_cast<float>(i);
  EXPECT_EQ(round_trip(*make_topk(0.01), values), plain(0.01, values));
}

TEST(TopK, StatesItsLayout) {
  Bytes wanted;
  ByteWriter writer(wanted);
  for (const uint16_t index : {1, 3, 5}) writer.put(index);
  for (const float value : {-8.0f, 2.0f}) writer.put(value);
  EXPECT_EQ(encoded(*make_topk(0.4), std::vector{0.0f, -8.0f, 1.0f, 2.0f, -1.5f}), wanted);
}

TEST(TopK, WritesNoNegativeZero) {
  const auto got = round_trip(*make_topk(1), std::vector{-0.0f, 1.0f});
  EXPECT_FALSE(std::signbit(got[0]));
}

TEST(TopK, RefusesHostileIndicesAndValues) {
  const auto codec = make_topk(0.4);
  const Bytes good = encoded(*codec, std::vector{0.0f, -8.0f, 1.0f, 2.0f, -1.5f});
  std::vector<float> out(5);
  ASSERT_TRUE(codec->decode(good, out).ok());
  const auto refuses = [&](size_t at, uint16_t index) {
    Bytes bad = good;
    std::memcpy(bad.data() + at, &index, sizeof(index));
    return !codec->decode(bad, out).ok();
  };
  EXPECT_TRUE(refuses(0, 3));       // twice
  EXPECT_TRUE(refuses(0, 4));       // descending
  EXPECT_TRUE(refuses(2, 5));       // out of range
  EXPECT_TRUE(refuses(2, 0xffff));  // far out
  EXPECT_TRUE(refuses(4, 4));       // of another number of values
  EXPECT_TRUE(refuses(4, 6));
  EXPECT_TRUE(refuses(8, 0x7f80));   // infinity
  EXPECT_TRUE(refuses(12, 0x7fc0));  // NaN: the upper half of the second value is at 12
}

TEST(TopK, RefusesAPartOutOfRange) {
  for (const double keep : {0.0, 1.5}) {
    Plugin plugin{"topk", {}};
    plugin.options.set("keep", keep);
    Mistakes mistakes;
    make_plugin(codecs(), "codec", plugin, mistakes);
    EXPECT_FALSE(mistakes.empty()) << keep;
  }
}

}  // namespace
}  // namespace causeway

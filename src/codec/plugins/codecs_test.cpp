// SPDX-License-Identifier: Apache-2.0
//
// What each codec promises beyond the contract: its error, its size, its bytes.
#include <gtest/gtest.h>

#include <cmath>

#include "codec/test_codec.h"
#include "core/random.h"

namespace causeway {
namespace {

std::unique_ptr<Codec> make_named(const char* name, int64_t block = 0) {
  return codec_with(name, block > 0 ? "block" : "", block);
}

// Finite floats of every magnitude, from their bits.
std::vector<float> any_floats(size_t count) {
  const Random random(11, Stream::kSample);
  std::vector<float> values;
  for (uint64_t i = 0; values.size() < count; ++i) {
    const float value = std::bit_cast<float>(static_cast<uint32_t>(random.bits(i)));
    if (std::isfinite(value)) values.push_back(value);
  }
  return values;
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

TEST(Fp32, IsExactForEveryFloat) {
  const auto values = any_floats(kBlockValues);
  EXPECT_TRUE(same_bits(round_trip(*make_named("fp32"), values), values));
}

TEST(Fp32, RefusesWhatIsNotFinite) {
  const auto codec = make_named("fp32");
  for (const uint32_t bits : {0x7f800000u, 0xff800000u, 0x7f800001u, 0xffc00000u}) {
    std::vector<float> values(9, 1.0f);
    values[4] = std::bit_cast<float>(bits);
    const auto raw = std::as_bytes(std::span(values));
    std::vector<float> out(9);
    EXPECT_FALSE(codec->decode(raw, out).ok()) << std::hex << bits;
  }
}

TEST(Bf16, RoundsToNearestAndTiesToEven) {
  // 1 + k/256 lies half way between bfloat16 neighbours for odd k.
  const std::vector<float> values = {1.0f + 1 / 256.0f,  1.0f + 3 / 256.0f, 1.0f + 1.01f / 256,
                                     -1.0f - 1 / 256.0f, 3.14159265f,       -0.0f};
  const std::vector<float> wanted = {1.0f, 1.015625f, 1.0078125f, -1.0f, 3.140625f, -0.0f};
  EXPECT_TRUE(same_bits(round_trip(*make_named("bf16"), values), wanted));
}

TEST(Bf16, ErrsByNoMoreThanItsHalfUlp) {
  const auto values = any_floats(kBlockValues);
  const auto got = round_trip(*make_named("bf16"), values);
  for (size_t i = 0; i < values.size(); ++i) {
    const double error = std::abs(double{got[i]} - double{values[i]});
    // The second part is for subnormals, whose spacing is 2^-133.
    EXPECT_LE(error, std::max(std::abs(double{values[i]}) * 0x1p-8, 0x1p-134)) << values[i];
  }
}

TEST(Bf16, SaturatesInsteadOfOverflowing) {
  constexpr float kMax = std::numeric_limits<float>::max();
  const float largest = std::bit_cast<float>(0x7f7f0000u);
  EXPECT_EQ(round_trip(*make_named("bf16"), std::vector{kMax, -kMax}),
            (std::vector{largest, -largest}));
}

TEST(Bf16, RefusesWhatIsNotFinite) {
  const auto codec = make_named("bf16");
  for (const uint16_t upper : {0x7f80, 0xff80, 0x7fc0, 0xffff}) {
    const std::vector<uint16_t> values = {0x3f80, upper, 0x3f80};
    std::vector<float> out(3);
    EXPECT_FALSE(codec->decode(std::as_bytes(std::span(values)), out).ok()) << std::hex << upper;
  }
}

// Golden values of an independent implementation in double precision: scale = absmax / 127 rounded
// to float32, half to even, runs of 5.
TEST(Int8, GivesTheGoldenValues) {
  const std::vector<float> input = {0.3f, -1.0f,  0.004f, 0.5f, -0.0f, 0.51f,  7.0f, -7.0f,
                                    3.5f, -0.02f, 0.0f,   0.0f, 0.0f,  1e-30f, 2.0f, -1.9f};
  const std::vector<double> golden = {0.29921259731054306,
                                      -0.9999999962747097,
                                      0.007874015718698502,
                                      0.5039370059967041,
                                      0,
                                      0.4960629902780056,
                                      6.999999973922968,
                                      -6.999999973922968,
                                      3.5275590419769287,
                                      0,
                                      0,
                                      0,
                                      0,
                                      0,
                                      1.9999999925494194,
                                      -1.8999999929219484};
  const auto got = round_trip(*make_named("int8", 5), input);
  for (size_t i = 0; i < golden.size(); ++i)
    EXPECT_EQ(got[i], static_cast<float>(golden[i])) << "value " << i;
}

TEST(Int8, ErrsByNoMoreThanHalfAScale) {
  const Random random(5, Stream::kSample);
  for (const int64_t block : {1, 100, 4096, 16384}) {
    const auto codec = make_named("int8", block);
    std::vector<float> values(9000);
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<float>(random.normal(i) * std::exp2(static_cast<double>(i % 40)));
    const auto got = round_trip(*codec, values);
    for (size_t start = 0; start < values.size(); start += static_cast<size_t>(block)) {
      const size_t end = std::min(values.size(), start + static_cast<size_t>(block));
      float most = 0;
      for (size_t i = start; i < end; ++i) most = std::max(most, std::abs(values[i]));
      // Half a scale, and the two roundings to float32: of the scale and of code * scale.
      const double bound = double{most} / 127 / 2 + double{most} * 0x1p-23;
      for (size_t i = start; i < end; ++i)
        EXPECT_LE(std::abs(double{got[i]} - double{values[i]}), bound) << "block " << block;
    }
  }
}

TEST(Int8, RoundsHalfToEven) {
  // absmax 127 makes the scale 1.
  const std::vector<float> values = {127, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f, 126.5f};
  EXPECT_EQ(round_trip(*make_named("int8"), values),
            (std::vector<float>{127, 0, 2, 2, 0, -2, -2, 126}));
}

// Goal: codes are those of the exact quotient, half to even. Method: the plain formula in double,
// whose quotient cannot round across a tie, beside values on every tie, their neighbours, and
// anything between.
TEST(Int8, RoundsTheExactQuotient) {
  const auto codec = make_named("int8");
  const Random random(21, Stream::kSample);
  for (uint64_t trial = 0; trial < 200; ++trial) {
    std::vector<float> values(4096);
    values[0] = std::ldexp(1 + static_cast<float>(random.uniform(trial << 32)),
                           static_cast<int>(trial % 200) - 100);
    const float scale = values[0] / 127;
    for (size_t i = 1; i < values.size(); ++i) {
      const uint64_t bits = random.bits((trial << 32) + i);
      const double quotient = static_cast<double>(bits % 509) / 2 - 127;  // a half in two
      auto value = static_cast<float>(quotient * double{scale});
      if (i % 4 == 1) value = std::nextafter(value, 0.0f);
      if (i % 4 == 2) value = std::nextafter(value, values[0]);
      if (i % 4 == 3) value = static_cast<float>(random.uniform(bits)) * values[0];
      values[i] = std::clamp(value, -values[0], values[0]);
    }
    const Bytes bytes = encoded(*codec, values);
    for (size_t i = 0; i < values.size(); ++i) {
      const double wanted = std::nearbyint(double{values[i]} / double{scale});
      ASSERT_EQ(static_cast<int8_t>(bytes[4 + i]), static_cast<int>(wanted))
          << values[i] << " / " << scale;
    }
  }
}

TEST(Int8, MakesNoSubnormalAndNoInfinity) {
  const auto codec = make_named("int8");
  constexpr float kMin = std::numeric_limits<float>::min();
  constexpr float kMax = std::numeric_limits<float>::max();
  EXPECT_EQ(round_trip(*codec, std::vector{100 * kMin, -kMin}), (std::vector{0.0f, 0.0f}));
  EXPECT_EQ(round_trip(*codec, std::vector{127 * kMin, -kMin}), (std::vector{127 * kMin, -kMin}));
  const auto huge = round_trip(*codec, std::vector{kMax, -kMax});
  EXPECT_NEAR(huge[0] / kMax, 1, 1e-6);
  EXPECT_EQ(huge[1], -huge[0]);
}

TEST(Int8, StatesItsLayout) {
  // Runs of 2: two scales of 2 and 0, then the codes.
  Bytes wanted;
  ByteWriter writer(wanted);
  writer.put(2.0f);
  writer.put(0.0f);
  for (const int8_t code : {127, -64, 0}) writer.put(code);
  EXPECT_EQ(encoded(*make_named("int8", 2), std::vector{254.0f, -128.0f, 0.0f}), wanted);
}

TEST(Int8, RefusesHostileScalesAndCodes) {
  const auto codec = make_named("int8");
  const Bytes good = encoded(*codec, std::vector{254.0f, -128.0f, 0.0f});
  std::vector<float> out(3);
  ASSERT_TRUE(codec->decode(good, out).ok());
  using Limits = std::numeric_limits<float>;
  for (const float scale : {Limits::infinity(), Limits::quiet_NaN(), -2.0f, -0.0f,
                            Limits::denorm_min(), Limits::max(), Limits::max() / 126}) {
    Bytes bad = good;
    std::memcpy(bad.data(), &scale, sizeof(scale));
    EXPECT_FALSE(codec->decode(bad, out).ok()) << scale;
  }
  Bytes bad = good;
  bad.back() = std::byte{0x80};
  EXPECT_FALSE(codec->decode(bad, out).ok());
}

TEST(Int8, RefusesABlockOutOfRange) {
  for (const int64_t block : {int64_t{0}, kBlockValues + 1}) {
    Plugin plugin{"int8", {}};
    plugin.options.set("block", block);
    Mistakes mistakes;
    EXPECT_NE(make_plugin(codecs(), "codec", plugin, mistakes), nullptr);
    EXPECT_EQ(mistakes.text(), fmt::format("`block` is {}; wanted: 1 to 16384\n", block));
  }
}

}  // namespace
}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
//
// The contract of Codec, over every codec there is.
#include "codec/codec.h"

#include <gtest/gtest.h>

#include <cmath>

#include "codec/signal.h"
#include "core/memory.h"
#include "core/random.h"

namespace causeway {
namespace {

std::unique_ptr<Codec> codec_of(const Entry<Codec>* entry) {
  Mistakes mistakes;
  auto codec = entry->make(Value(), mistakes);
  EXPECT_TRUE(mistakes.empty()) << mistakes.text();
  return codec;
}

std::vector<float> normal_values(int64_t count, uint32_t index = 0) {
  const Random random(7, Stream::kSample, index);
  std::vector<float> values(static_cast<size_t>(count));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(random.normal(i));
  return values;
}

Bytes random_bytes(const Random& random, uint64_t position, size_t size) {
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<std::byte>(random.bits((position << 32) + i));
  return bytes;
}

bool finite(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
}

class EveryCodec : public testing::TestWithParam<const Entry<Codec>*> {
 protected:
  Bytes encoded(std::span<const float> block, uint64_t seed = 1) const {
    Bytes bytes;
    codec_->encode(block, seed, bytes);
    return bytes;
  }
  std::vector<float> decoded(ByteSpan bytes, int64_t count) const {
    std::vector<float> out(static_cast<size_t>(count), -12345.0f);
    const auto result = codec_->decode(bytes, out);
    EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message);
    return out;
  }

  const std::unique_ptr<Codec> codec_ = codec_of(GetParam());
};

TEST_P(EveryCodec, DecodesWhatItEncodedToFiniteValuesOfNoGreaterScale) {
  for (const int64_t count : {int64_t{1}, int64_t{2}, int64_t{5}, int64_t{4095}, int64_t{4097},
                              kBlockValues - 1, kBlockValues}) {
    const auto values = normal_values(count);
    const auto got = decoded(encoded(values), count);
    EXPECT_TRUE(finite(got));
    float most = 0;
    for (const float value : values) most = std::max(most, std::abs(value));
    for (const float value : got) EXPECT_LE(std::abs(value), 1.01f * most);
  }
}

TEST_P(EveryCodec, DecodesZerosToZeros) {
  const std::vector<float> zeros(5000, 0.0f);
  EXPECT_EQ(decoded(encoded(zeros), 5000), zeros);
}

TEST_P(EveryCodec, KeepsTheLimitsOfFloatFinite) {
  constexpr float kMax = std::numeric_limits<float>::max();
  constexpr float kTiny = std::numeric_limits<float>::denorm_min();
  const std::vector<float> limits = {kMax, -kMax, kTiny, -kTiny, 0.0f, -0.0f, 1e-38f, 3e38f};
  EXPECT_TRUE(finite(decoded(encoded(limits), 8)));
  for (const float one : limits)
    EXPECT_TRUE(finite(decoded(encoded(std::span(&one, 1)), 1))) << one;
}

TEST_P(EveryCodec, GivesTheSameBytesForTheSameValuesAndSeed) {
  const auto values = normal_values(6000);
  EXPECT_EQ(encoded(values, 9), encoded(values, 9));
  const auto other = codec_of(GetParam());
  Bytes bytes;
  other->encode(values, 9, bytes);
  EXPECT_EQ(bytes, encoded(values, 9));
}

TEST_P(EveryCodec, AppendsAndLeavesWhatStoodBefore) {
  const auto values = normal_values(100);
  Bytes bytes(3, std::byte{0xab});
  codec_->encode(values, 1, bytes);
  EXPECT_EQ(Bytes(bytes.begin(), bytes.begin() + 3), Bytes(3, std::byte{0xab}));
  EXPECT_EQ(Bytes(bytes.begin() + 3, bytes.end()), encoded(values));
}

TEST_P(EveryCodec, StaysWithinItsBoundOfBytes) {
  for (const int64_t count : {int64_t{1}, int64_t{777}, int64_t{4097}, kBlockValues})
    EXPECT_LE(std::ssize(encoded(normal_values(count))), codec_->block_bytes_max(count));
}

// Goal: decode never reads past a hostile payload nor makes a value that is not finite. Method:
// random bytes of random length; a Result of either kind is right, a crash is wrong.
TEST_P(EveryCodec, DecodesAnyBytesWithoutHarm) {
  const Random random(3, Stream::kSample);
  for (uint64_t trial = 0; trial < 2000; ++trial) {
    const auto count = static_cast<int64_t>(1 + random.below(4 * trial, 300));
    const auto limit = static_cast<uint64_t>(codec_->block_bytes_max(count));
    // Every other time the one length that gets past a check of lengths.
    const size_t size = trial % 2 == 0 ? limit : random.below(4 * trial + 1, 2 * limit);
    std::vector<float> out(static_cast<size_t>(count));
    const auto result = codec_->decode(random_bytes(random, trial + 1, size), out);
    if (result.ok()) {
      EXPECT_TRUE(finite(out));
    } else {
      EXPECT_EQ(result.error().fault, Fault::kCorrupt);
    }
  }
}

TEST_P(EveryCodec, RefusesEveryTruncationAndAnExtension) {
  const auto values = normal_values(300);
  const Bytes whole = encoded(values);
  std::vector<float> out(300);
  for (size_t size = 0; size < whole.size(); ++size) {
    // A copy of its own, so that a sanitizer sees a read past its end.
    const Bytes part(whole.begin(), whole.begin() + static_cast<int64_t>(size));
    EXPECT_FALSE(codec_->decode(part, out).ok()) << size;
  }
  Bytes longer = whole;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(codec_->decode(longer, out).ok());
}

TEST_P(EveryCodec, RefusesBytesOfAnotherCount) {
  const Bytes bytes = encoded(normal_values(300));
  for (const size_t count : {1, 299, 301, 600}) {
    std::vector<float> out(count);
    EXPECT_FALSE(codec_->decode(bytes, out).ok()) << count;
  }
}

TEST_P(EveryCodec, CodesBlocksIndependently) {
  const int64_t count = 2 * kBlockValues + 100;
  const auto values = normal_values(count);
  const Bytes whole = encode_signal(*codec_, values, 5);
  Bytes joined;
  for (int64_t start = 0; start < count; start += kBlockValues) {
    const auto block = std::span(values).subspan(
        static_cast<size_t>(start), static_cast<size_t>(std::min(kBlockValues, count - start)));
    const Bytes one = encode_signal(*codec_, block, 5);
    joined.insert(joined.end(), one.begin(), one.end());
  }
  EXPECT_EQ(whole, joined);

  const auto signal = EncodedSignal::open(*codec_, whole, count);
  ASSERT_TRUE(signal.ok());
  std::vector<float> all(static_cast<size_t>(count)), last(100);
  ASSERT_TRUE(signal->decode(all).ok());
  ASSERT_TRUE(signal->decode_block(2, last).ok());
  EXPECT_TRUE(std::equal(last.begin(), last.end(), all.end() - 100));
}

TEST_P(EveryCodec, JoinsItsPartsIfItSaysSo) {
  if (!codec_->joins()) return;
  const auto values = normal_values(5000);
  Bytes joined;
  for (size_t start = 0; start < values.size(); start += 999)
    codec_->encode(std::span(values).subspan(start, std::min<size_t>(999, 5000 - start)), 1,
                   joined);
  EXPECT_EQ(joined, encoded(values));
}

// Signals beyond the caches take another path; `signal.h` promises the same bytes and values.
TEST_P(EveryCodec, CodesLargeSignalsAlike) {
  const int64_t blocks = 4 * int64_t{kPastCacheBytes} / (4 * codec_->block_values());
  const auto once = normal_values(codec_->block_values());
  std::vector<float> values;
  for (int64_t i = 0; i < blocks; ++i) values.insert(values.end(), once.begin(), once.end());
  values.resize(values.size() - 333);
  const std::span<const float> rest(values.data(),
                                    values.size() % static_cast<size_t>(codec_->block_values()));
  Bytes wanted;
  const Bytes one = encode_signal(*codec_, once, 1), last = encode_signal(*codec_, rest, 1);
  for (int64_t i = 0; i + 1 < blocks; ++i) wanted.insert(wanted.end(), one.begin(), one.end());
  wanted.insert(wanted.end(), last.begin(), last.end());
  Bytes bytes(5, std::byte{1});  // what they hold goes
  encode_signal(*codec_, values, 1, bytes);
  ASSERT_TRUE(bytes == wanted);

  std::vector<float> got(values.size()), expected(values.size());
  ASSERT_TRUE(decode_signal(*codec_, bytes, got).ok());
  const auto signal = EncodedSignal::open(*codec_, bytes, std::ssize(values));
  ASSERT_TRUE(signal.ok() && signal->decode(expected).ok());
  EXPECT_TRUE(got == expected);
  bytes[bytes.size() / 2] ^= std::byte{4};
  EXPECT_FALSE(decode_signal(*codec_, bytes, got).ok());
}

using EveryCodecDeath = EveryCodec;

TEST_P(EveryCodecDeath, ChecksItsCaller) {
  Bytes bytes;
  const std::vector<float> nothing, much(kBlockValues + 1);
  std::vector<float> bad(10, 1.0f);
  EXPECT_DEATH(codec_->encode(nothing, 1, bytes), "check failed");
  EXPECT_DEATH(codec_->encode(much, 1, bytes), "check failed");
  bad[9] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_DEATH(codec_->encode(bad, 1, bytes), "check failed");
  bad[9] = -std::numeric_limits<float>::infinity();
  EXPECT_DEATH(codec_->encode(bad, 1, bytes), "check failed");
}

std::string name_of(const testing::TestParamInfo<const Entry<Codec>*>& info) {
  return std::string(info.param->name);
}
INSTANTIATE_TEST_SUITE_P(Codecs, EveryCodec, testing::ValuesIn(codecs()), name_of);
INSTANTIATE_TEST_SUITE_P(Codecs, EveryCodecDeath, testing::ValuesIn(codecs()), name_of);

}  // namespace
}  // namespace causeway

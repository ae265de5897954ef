// SPDX-License-Identifier: Apache-2.0
//
// The contract of Codec, over every codec there is, and over chains of every kind.
#include "codec/codec.h"

#include <gtest/gtest.h>

#include <cmath>

#include "codec/chain.h"
#include "codec/signal.h"
#include "core/hash.h"
#include "core/memory.h"
#include "core/random.h"

namespace causeway {
namespace {

/// A codec as a recipe has it, and whether its bytes tell how many values they are of.
struct Case {
  std::string text;
  bool knows_count = true;
};

void PrintTo(const Case& one, std::ostream* out) { *out << one.text; }

std::vector<Case> cases() {
  std::vector<Case> out;
  for (const Entry<Codec>* entry : codecs()) {
    const bool rounds_count_up = entry->name == "sign" || entry->name == "lowrank";
    const bool has_chains = entry->name == "greco";
    out.push_back({std::string(entry->name), !rounds_count_up && !has_chains});
  }
  out.push_back({"greco(0.05)|zstd", false});
  for (const char* text :
       {"topk(0.01)|int8|rice", "topk(0.3)|fp32|bitmap", "topk(0.02)|raw|bf16", "topk(1)|nf4",
        "topk(k=64, scope=chunk, chunk=4096)|two_bit", "topk(0.1, scope=chunk, chunk=100)|e3m0",
        "topk(0.05, scope=block)|sign", "topk(0.05, scope=layer)|int8(100)|zstd",
        "topk(0.01, warmup=3)|fp32", "threshold(1.5)|fp32", "threshold(0)|bf16|planes",
        "randk(0.05)|bf16", "topk(0.1)|fp16(stochastic)", "randk(0.1, unbiased=true)|int8",
        "topk(0.2)|e3m0|huffman", "sign|huffman", "topk(0.1)|kmeans(15)|huffman",
        "lowrank(2, factors=bf16)|zstd", "topk(0.5)|lowrank(3)"})
    out.push_back({text, false});
  for (const char* text :
       {"int8|zstd", "bf16|planes", "fp32|planes(3)", "int8(50)|huffman", "e3m0(block=64)",
        "nf4|zstd(-5)", "bf16(stochastic)", "kmeans(4)|huffman", "fp16(stochastic)",
        "int8(500, rounding=stochastic)"})
    out.push_back({text});
  return out;
}

std::unique_ptr<Codec> codec_of(const Case& one) {
  Mistakes mistakes;
  auto codec = make_codec({one.text, {}}, mistakes);
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

class EveryCodec : public testing::TestWithParam<Case> {
 protected:
  // The block as all of a signal.
  void encode(std::span<const float> block, Coding coding, Bytes& bytes) const {
    const Bytes survey = codec_->surveys() ? codec_->survey(block, coding) : Bytes();
    coding.survey = survey;
    codec_->encode(block, coding, bytes);
  }
  Bytes encoded(std::span<const float> block, const Coding& coding = 1) const {
    Bytes bytes;
    encode(block, coding, bytes);
    return bytes;
  }
  // What encode_signal promises, by the codec's own functions.
  Bytes framed(std::span<const float> signal, Coding coding) const {
    const Bytes survey = codec_->surveys() ? codec_->survey(signal, coding) : Bytes();
    coding.survey = survey;
    Bytes out;
    ByteWriter writer(out);
    while (!signal.empty()) {
      const auto block =
          signal.first(std::min(signal.size(), static_cast<size_t>(codec_->block_values())));
      Bytes body;
      codec_->encode(block, coding, body);
      writer.put(static_cast<uint32_t>(body.size()));
      writer.put(crc32c(body));
      writer.put(body);
      coding.begin += std::ssize(block);
      signal = signal.subspan(block.size());
    }
    return out;
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
  const int64_t whole = codec_->block_values();
  for (const int64_t count :
       {int64_t{1}, int64_t{2}, int64_t{5}, int64_t{4095}, int64_t{4097}, whole - 1, whole}) {
    const auto values = normal_values(count);
    const auto got = decoded(encoded(values), count);
    EXPECT_TRUE(finite(got));
    float most = 0;
    for (const float value : values) most = std::max(most, std::abs(value));
    if (GetParam().text.find("unbiased") != std::string::npos) continue;  // it scales up
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
  Coding coding = 9;
  const Bytes survey = other->surveys() ? other->survey(values, coding) : Bytes();
  coding.survey = survey;
  Bytes bytes;
  other->encode(values, coding, bytes);
  EXPECT_EQ(bytes, encoded(values, 9));
}

TEST_P(EveryCodec, AppendsAndLeavesWhatStoodBefore) {
  const auto values = normal_values(100);
  Bytes bytes(3, std::byte{0xab});
  encode(values, 1, bytes);
  EXPECT_EQ(Bytes(bytes.begin(), bytes.begin() + 3), Bytes(3, std::byte{0xab}));
  EXPECT_EQ(Bytes(bytes.begin() + 3, bytes.end()), encoded(values));
}

TEST_P(EveryCodec, StaysWithinItsBoundOfBytes) {
  EXPECT_GE(codec_->block_bytes_max(0), 0);  // a decoder may be asked for no values
  for (const int64_t count : {int64_t{1}, int64_t{777}, int64_t{4097}, codec_->block_values()}) {
    EXPECT_LE(std::ssize(encoded(normal_values(count))), codec_->block_bytes_max(count));
    EXPECT_LE(codec_->block_bytes_likely(count), codec_->block_bytes_max(count));
    // All alike, and alike but for one: the ends of what selectors and packers make of values.
    std::vector<float> alike(static_cast<size_t>(count), 3.0f);
    EXPECT_LE(std::ssize(encoded(alike)), codec_->block_bytes_max(count));
    alike.back() = -1e30f;
    EXPECT_LE(std::ssize(encoded(alike)), codec_->block_bytes_max(count));
  }
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

// The same with bytes that are nearly right.
TEST_P(EveryCodec, DecodesChangedBytesWithoutHarm) {
  const Random random(4, Stream::kSample);
  const auto values = normal_values(700);
  const Bytes good = encoded(values);
  std::vector<float> out(values.size());
  for (uint64_t trial = 0; trial < 3000; ++trial) {
    Bytes bad = good;
    for (uint64_t change = 0; change <= trial % 3; ++change) {
      // Half of the changes near the front, where most of the structure is.
      const uint64_t reach = trial % 2 == 0 ? std::min<size_t>(16, bad.size()) : bad.size();
      bad[random.below(16 * trial + 4 * change, reach)] ^=
          static_cast<std::byte>(1 + random.below(16 * trial + 4 * change + 1, 255));
    }
    if (trial % 5 == 0) bad.resize(random.below(16 * trial + 15, bad.size() + 8));
    const auto result = codec_->decode(Bytes(bad), out);
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
  if (!GetParam().knows_count) return;
  const Bytes bytes = encoded(normal_values(300));
  for (const size_t count : {1, 299, 301, 600}) {
    std::vector<float> out(count);
    EXPECT_FALSE(codec_->decode(bytes, out).ok()) << count;
  }
}

TEST_P(EveryCodec, CodesBlocksIndependently) {
  const int64_t whole = codec_->block_values(), count = 2 * whole + 100;
  const auto values = normal_values(count);
  const Bytes bytes = encode_signal(*codec_, values, 5);
  EXPECT_EQ(bytes, framed(values, 5));

  const auto signal = EncodedSignal::open(*codec_, bytes, count);
  ASSERT_TRUE(signal.ok());
  std::vector<float> all(static_cast<size_t>(count)), last(100);
  ASSERT_TRUE(signal->decode(all).ok());
  ASSERT_TRUE(signal->decode_block(2, last).ok());
  EXPECT_TRUE(std::equal(last.begin(), last.end(), all.end() - 100));
}

// What is drawn depends on where a block lies, and on nothing that came before it.
TEST_P(EveryCodec, CodesABlockOnItsOwnAsWithinItsSignal) {
  if (codec_->surveys()) return;
  const int64_t whole = codec_->block_values();
  const auto values = normal_values(whole + 100);
  Coding at_second = 5;
  at_second.begin = whole;
  Bytes joined = encode_signal(*codec_, std::span(values).first(static_cast<size_t>(whole)), 5);
  const Bytes second =
      encode_signal(*codec_, std::span(values).subspan(static_cast<size_t>(whole)), at_second);
  joined.insert(joined.end(), second.begin(), second.end());
  EXPECT_EQ(encode_signal(*codec_, values, 5), joined);
}

TEST_P(EveryCodec, JoinsItsPartsIfItSaysSo) {
  if (!codec_->joins()) return;
  const auto values = normal_values(5000);
  Bytes joined;
  Coding coding = 1;
  for (size_t start = 0; start < values.size(); start += 999) {
    coding.begin = static_cast<int64_t>(start);
    codec_->encode(std::span(values).subspan(start, std::min<size_t>(999, 5000 - start)), coding,
                   joined);
  }
  EXPECT_EQ(joined, encoded(values));
}

// Signals beyond the caches take another path; `signal.h` promises the same bytes and values.
TEST_P(EveryCodec, CodesLargeSignalsAlike) {
  const int64_t blocks = 4 * int64_t{kPastCacheBytes} / (4 * codec_->block_values());
  const auto once = normal_values(codec_->block_values());
  std::vector<float> values;
  for (int64_t i = 0; i < blocks; ++i) values.insert(values.end(), once.begin(), once.end());
  values.resize(values.size() - 333);
  const Bytes wanted = framed(values, 1);
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
  EXPECT_DEATH(encode(bad, 1, bytes), "check failed");
  bad[9] = -std::numeric_limits<float>::infinity();
  EXPECT_DEATH(encode(bad, 1, bytes), "check failed");
}

std::string name_of(const testing::TestParamInfo<Case>& info) {
  std::string name;
  for (const char c : info.param.text)
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      name += c;
    else if (!name.empty() && name.back() != '_')
      name += '_';
  while (name.back() == '_') name.pop_back();
  return name;
}
INSTANTIATE_TEST_SUITE_P(Codecs, EveryCodec, testing::ValuesIn(cases()), name_of);
INSTANTIATE_TEST_SUITE_P(Codecs, EveryCodecDeath, testing::ValuesIn(cases()), name_of);

}  // namespace
}  // namespace causeway

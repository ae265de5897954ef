// SPDX-License-Identifier: Apache-2.0
//
// Replicated code gives the same bits on every instruction set. The digests were taken at the
// baseline; CMake runs this file at every level that the machine has.
#include <gtest/gtest.h>

#include <cmath>

#include "aggregate/rule.h"
#include "codec/signal.h"
#include "core/hash.h"
#include "core/random.h"
#include "sync/outer.h"

namespace causeway {
namespace {

using Floats = std::vector<float>;

constexpr size_t kBitsCount = 2 * kBlockValues + 777;

// Both signs, many magnitudes, zeros and equal values; by exact arithmetic only.
Floats values(uint32_t index) {
  const Random random(12, Stream::kSample, index);
  Floats out(kBitsCount);
  for (size_t i = 0; i < kBitsCount; ++i) {
    const uint64_t bits = random.bits(i);
    const auto whole = static_cast<float>(static_cast<int32_t>(bits) >> (bits >> 60));
    out[i] = std::ldexp(whole, static_cast<int>((bits >> 32) % 24) - 40);
  }
  return out;
}

std::string digest(const Floats& floats) {
  return digest_of(std::as_bytes(std::span(floats))).hex();
}

std::string codec_digest(const char* name) {
  Mistakes mistakes;
  const auto codec = make_plugin(codecs(), "codec", Plugin{name, {}}, mistakes);
  const Bytes bytes = encode_signal(*codec, values(0), 1);
  Floats decoded(kBitsCount);
  const auto signal = EncodedSignal::open(*codec, bytes, kBitsCount);
  EXPECT_TRUE(signal.ok() && signal->decode(decoded).ok());
  return digest_of(bytes).hex() + " " + digest(decoded);
}

TEST(Bits, OfCodecsStay) {
  EXPECT_EQ(codec_digest("bf16"),
            "71e84631329381890a00163b338a328d c7b0e9932c52cc151f5cfb1804d5869e");
  EXPECT_EQ(codec_digest("fp32"),
            "4f8835ee3ec6b826cdc0cfb507bdc7ae 4c25f02c8d52390871497885b17b1e6d");
  EXPECT_EQ(codec_digest("int8"),
            "a62be181806f04096b2f4b0871e201dc 8a5328055b9d35bb9f68b47328b6c42d");
  EXPECT_EQ(codec_digest("nf4"),
            "fbf9871df48e0e63395cefd5d2e7062b c97349030937b71d37b2c517df31806f");
  EXPECT_EQ(codec_digest("topk"),
            "2303117a7f6edb9782fb730dfb0c7f1f d9c1204b06adb2009577ab445065d8ea");
}

TEST(Bits, OfTheMeanStay) {
  Mistakes mistakes;
  const auto rule = make_plugin(rules(), "rule", Plugin{"mean", {}}, mistakes);
  std::vector<Floats> rows;
  std::vector<int64_t> weights;
  for (uint32_t m = 0; m < 11; ++m) rows.push_back(values(m)), weights.push_back(1 + 77'777 * m);
  const std::vector<std::span<const float>> views(rows.begin(), rows.end());
  Floats out(kBitsCount);
  rule->fold(views, weights, out);
  EXPECT_EQ(digest(out), "fe4ded836e9b768f25b92765a6d0d67b");
}

std::string outer_digest(const char* name) {
  Mistakes mistakes;
  const auto outer = make_plugin(outer_optimizers(), "outer optimizer", Plugin{name, {}}, mistakes);
  Floats anchor = values(0);
  std::vector<Floats> buffers(outer->buffers().size(), Floats(kBitsCount));
  const std::vector<std::span<float>> views(buffers.begin(), buffers.end());
  for (int64_t round = 1; round <= 3; ++round)
    outer->step(round, values(static_cast<uint32_t>(round)), anchor, views);
  return digest(anchor);
}

TEST(Bits, OfOuterOptimizersStay) {
  EXPECT_EQ(outer_digest("adam"), "6df40af17b9dadbbc4a46eaeb342fdc6");
  EXPECT_EQ(outer_digest("momentum"), "d38d9a8e661f6ad68e9a8db78afd5477");
  EXPECT_EQ(outer_digest("nesterov"), "9fbf677e3d28453c1670e20304d8ebf3");
  EXPECT_EQ(outer_digest("sgd"), "915141dde068e250094c0368181adc5a");
  EXPECT_EQ(outer_digest("yogi"), "411f492b41755bdacc41ba722a933fe7");
}

}  // namespace
}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "codec/test_codec.h"
#include "codec/zstd_bytes.h"
#include "core/random.h"

namespace causeway {
namespace {

TEST(Planes, StateTheirLayout) {
  Mistakes mistakes;
  const auto planes = make_plugin(packers(), "packer", Plugin{"planes", {}}, mistakes);
  // 1 and -2.5 as bfloat16: 0x3f80 and 0xc020, turned left: 0x7f00 and 0x8041.
  Bytes plain, packed, high;
  ByteWriter writer(plain);
  for (const uint16_t upper : {0x3f80, 0xc020}) writer.put(upper);
  planes->pack(plain, 2, packed);
  ASSERT_GE(packed.size(), 2u);
  EXPECT_EQ(packed[0], std::byte{0x00});
  EXPECT_EQ(packed[1], std::byte{0x41});
  high.resize(2);
  ASSERT_TRUE(read_zstd(ByteSpan(packed).subspan(2), high).ok());
  EXPECT_EQ(high, (Bytes{std::byte{0x7f}, std::byte{0x80}}));
}

// The exponent of a normal value has 2.6 bits of entropy, of which zstd, which looks for
// repetitions too, makes 3; sign and fraction stay as they are.
TEST(Planes, PackExponentsToNearTheirEntropy) {
  const Random random(61, Stream::kSample);
  std::vector<float> values(16'384);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(random.normal(i));
  for (const auto& [chain, plain_bits] :
       {std::pair("bf16|planes", 8), std::pair("fp32|planes", 24)}) {
    int64_t bytes = 0;
    through(*codec_from(chain), values, 1, &bytes);
    const double bits = 8 * static_cast<double>(bytes) / 16'384;
    EXPECT_LT(bits, plain_bits + 3.1) << chain;
    EXPECT_GT(bits, plain_bits + 2.5) << chain;
  }
}

}  // namespace
}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
//
// How chains are written, what is said of wrong ones, and what their parts do together.
#include "codec/chain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/test_codec.h"
#include "core/random.h"

namespace causeway {
namespace {

using testing::HasSubstr;

std::string mistakes_of(const std::string& text) {
  Plugin plugin{text, {}};
  plugin.options.where = {"recipe.toml", 7};
  Mistakes mistakes;
  const auto codec = make_codec(plugin, mistakes);
  EXPECT_EQ(mistakes.empty(), codec != nullptr);
  return mistakes.text();
}

std::vector<float> bell(size_t count) {
  const Random random(17, Stream::kSample);
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = static_cast<float>(random.normal(i));
  return values;
}

TEST(Chain, IsReadWithSpacesAndWithout) {
  const auto values = bell(9000);
  const Bytes wanted =
      encode_signal(*codec_from("topk(k=8,scope=chunk,chunk=500)|two_bit"), values, 1);
  for (const char* text : {" topk ( k = 8 , scope = \"chunk\" , chunk = 500 ) | two_bit ",
                           "topk(k=8,scope=chunk,chunk=500)|two_bit()",
                           "topk(chunk=500, k=8, scope=chunk) | two_bit(4096) | auto"})
    EXPECT_EQ(encode_signal(*codec_from(text), values, 1), wanted) << text;
}

TEST(Chain, TakesAFirstArgumentForTheFirstOption) {
  const auto values = bell(2000);
  EXPECT_EQ(encode_signal(*codec_from("e3m0(100)"), values, 1),
            encode_signal(*codec_from("e3m0(block=100)"), values, 1));
  EXPECT_EQ(encode_signal(*codec_from("threshold(0.5)"), values, 1),
            encode_signal(*codec_from("threshold(least = 0.5) | fp32 | auto"), values, 1));
}

TEST(Chain, IsACodecOfItsNameWhereItIsOne) {
  const auto values = bell(2000);
  EXPECT_EQ(encode_signal(*codec_from("int8"), values, 1),
            encode_signal(*codec_with("int8"), values, 1));
  // A table with `keep` alone is the plain top-k, which states 6 bytes for each value.
  Plugin plugin{"topk", {}};
  plugin.options.set("keep", 0.1);
  Mistakes mistakes;
  EXPECT_EQ(encode_signal(*make_codec(plugin, mistakes), values, 1),
            encode_signal(*codec_with("topk", "keep", 0.1), values, 1));
  plugin.options.set("scope", "block");
  const auto selector = make_codec(plugin, mistakes);
  EXPECT_TRUE(mistakes.empty()) << mistakes.text();
  EXPECT_EQ(encode_signal(*selector, values, 1),
            encode_signal(*codec_from("topk(0.1, scope=block)|fp32"), values, 1));
}

TEST(Chain, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(mistakes_of("topk(0.01)|int9").substr(0, 92),
            "recipe.toml:7: codec `topk(0.01)|int9`: no stage is called `int9`; did you mean `int8"
            "`?; the");
  EXPECT_THAT(mistakes_of("int7"), HasSubstr("did you mean `int8`?"));
  EXPECT_THAT(mistakes_of("topk(0.01"), HasSubstr("is not closed where it ends"));
  EXPECT_THAT(mistakes_of("topk)|fp32"), HasSubstr("`topk)` is no name"));
  EXPECT_THAT(mistakes_of("topk(0.01)x|fp32"), HasSubstr("is not closed where it ends"));
  EXPECT_THAT(mistakes_of("topk((1))"), HasSubstr("is not closed where it ends"));
  EXPECT_THAT(mistakes_of("topk(0.01)||fp32"), HasSubstr("stage 2 has no name"));
  EXPECT_THAT(mistakes_of("|fp32"), HasSubstr("stage 1 has no name"));
  EXPECT_THAT(mistakes_of("fp32|"), HasSubstr("stage 2 has no name"));
  EXPECT_THAT(mistakes_of("to-pk|fp32"), HasSubstr("`to-pk` is no name"));
  EXPECT_THAT(mistakes_of("topk(scope=chunk, 0.1)"), HasSubstr("without a key after"));
  EXPECT_THAT(mistakes_of("topk(k=1, k=2)"), HasSubstr("`k` twice"));
  EXPECT_THAT(mistakes_of("topk(0.1, keep=0.2)"), HasSubstr("`keep` twice"));
  EXPECT_THAT(mistakes_of("topk(k=)"), HasSubstr("wanted: a value, or key=value"));
  for (const char* value : {"1#2", "[1]", "{ a = 1 }", "\xff", "\u00e9", "1 2", "a.b\n"})
    EXPECT_THAT(mistakes_of(fmt::format("topk(k={}x)", value)), HasSubstr("key=value")) << value;
  EXPECT_THAT(mistakes_of("topk(k=\"5)"), HasSubstr("`k` is"));
  EXPECT_THAT(mistakes_of("topk(kep=0.1)|fp32"), HasSubstr("did you mean `keep`?"));
  EXPECT_THAT(mistakes_of("topk(2)|fp32"), HasSubstr("`topk`: `keep` is 2; wanted: 1e-06 to 1"));
  EXPECT_THAT(mistakes_of("topk(scope=chnk)"), HasSubstr("did you mean `chunk`?"));
  EXPECT_THAT(mistakes_of("topk(k=5, warmup=2)"), HasSubstr("wanted: one"));
  EXPECT_THAT(mistakes_of("int8|huffman(3)"), HasSubstr("it takes none"));
}

TEST(Chain, SaysWhatMayFollowWhat) {
  EXPECT_THAT(mistakes_of("int8|topk(0.1)"),
              HasSubstr("`topk`, which chooses the values that are sent, follows `int8`, which "
                        "writes values; wanted: selector | values | indices | packer"));
  EXPECT_THAT(mistakes_of("topk(0.1)|randk(0.1)"), HasSubstr("follows"));
  EXPECT_THAT(mistakes_of("int8|bf16"), HasSubstr("follows"));
  EXPECT_THAT(mistakes_of("int8|zstd|huffman"), HasSubstr("follows"));
  EXPECT_THAT(mistakes_of("topk(0.1)|rice|int8|raw"), HasSubstr("follows"));
  EXPECT_THAT(mistakes_of("int8|rice"), HasSubstr("every value is sent"));
  EXPECT_THAT(mistakes_of("randk(0.1)|bf16|rice"), HasSubstr("`randk` sends none"));
  EXPECT_THAT(mistakes_of("topk(0.1)|rice(3)"), HasSubstr("`rice` has arguments"));
  EXPECT_THAT(mistakes_of("int8|planes"), HasSubstr("after fp32, bf16 or fp16"));
  EXPECT_THAT(mistakes_of("topk(scope=chunk, chunk=16384)|int8(10)"),
              HasSubstr("codes at most 16380 at once"));
  Plugin plugin{"topk(0.1)|int8", {}};
  plugin.options.set("keep", 0.2);
  Mistakes mistakes;
  EXPECT_EQ(make_codec(plugin, mistakes), nullptr);
  EXPECT_THAT(mistakes.text(), HasSubstr("in the parentheses of its stages"));
}

TEST(Chain, FitsItsBlocksToChunksAndRuns) {
  EXPECT_EQ(codec_from("topk(scope=chunk, chunk=5000)|fp32")->block_values(), 15'000);
  EXPECT_EQ(codec_from("topk(scope=chunk, chunk=4096)|fp32")->block_values(), 16'384);
  EXPECT_EQ(codec_from("topk(0.1)|int8(1000)")->block_values(), 16'000);
  EXPECT_EQ(codec_from("topk(scope=chunk, chunk=3000)|int8(1000)")->block_values(), 15'000);
}

TEST(Chain, StatesItsLayout) {
  const std::vector<float> values = {0.0f, -8.0f, 1.0f, 2.0f, -1.5f};
  Bytes wanted;
  ByteWriter writer(wanted);
  for (const uint8_t byte : {2, 0, 32, 0b1010}) writer.put(byte);
  for (const uint16_t upper : {0xc100, 0x4000}) writer.put(upper);
  Bytes bytes;
  const auto codec = codec_from("topk(k=2, scope=block)|bf16|bitmap");
  codec->encode(values, 1, bytes);
  EXPECT_EQ(bytes, wanted);
  // Packing would not make so few smaller: a 0, and the values as they are.
  const auto packed = codec_from("topk(k=2, scope=block)|bf16|bitmap|zstd");
  wanted.insert(wanted.begin() + 4, std::byte{0});
  bytes.clear();
  packed->encode(values, 1, bytes);
  EXPECT_EQ(bytes, wanted);
}

TEST(Chain, WritesTwoBytesForABlockOfNothing) {
  const auto codec = codec_from("topk(0.01)|int8|zstd");
  const std::vector<float> zeros(40'000, 0.0f);
  int64_t bytes = 0;
  EXPECT_EQ(through(*codec, zeros, 1, &bytes), zeros);
  EXPECT_EQ(bytes, 3 * (8 + 2));
}

// A packer changes the bytes and nothing else; of codes with structure it makes fewer.
TEST(Chain, GivesTheSameValuesPackedOrNot) {
  std::vector<float> values = bell(50'000);
  for (size_t i = 0; i < values.size(); i += 3) values[i] *= 0.01f;
  for (const auto& [plain, packed] :
       {std::pair("int8", "int8|zstd"), std::pair("bf16", "bf16|planes"),
        std::pair("fp32", "fp32|planes"), std::pair("e3m0", "e3m0|huffman"),
        std::pair("topk(0.1)|int8", "topk(0.1)|int8|huffman"),
        std::pair("topk(0.1, scope=chunk)|e3m0", "topk(0.1, scope=chunk)|e3m0|zstd")}) {
    int64_t plain_bytes = 0, packed_bytes = 0;
    EXPECT_EQ(through(*codec_from(packed), values, 1, &packed_bytes),
              through(*codec_from(plain), values, 1, &plain_bytes))
        << packed;
    EXPECT_LT(packed_bytes, plain_bytes * 97 / 100) << packed;
  }
}

// The ratio may change from round to round: no decoder depends on it.
TEST(Chain, DecodesWhateverItsSenderChose) {
  const auto values = bell(20'000);
  const Bytes bytes = encode_signal(*codec_from("topk(0.2)|int8|raw"), values, 1);
  std::vector<float> out(values.size());
  EXPECT_TRUE(decode_signal(*codec_from("topk(0.001)|int8|rice"), bytes, out).ok());
  EXPECT_EQ(out, through(*codec_from("topk(0.2)|int8"), values));
}

}  // namespace
}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "codec/signal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/hash.h"

namespace causeway {
namespace {

using testing::HasSubstr;

std::unique_ptr<Codec> fp32() {
  Mistakes mistakes;
  return make_plugin(codecs(), "codec", Plugin{"fp32", {}}, mistakes);
}

std::vector<float> ramp(int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  return values;
}

std::string refusal(ByteSpan bytes, int64_t count) {
  const auto codec = fp32();
  const auto signal = EncodedSignal::open(*codec, bytes, count);
  if (count < 100'000) {
    std::vector<float> out(static_cast<size_t>(count));
    EXPECT_EQ(decode_signal(*codec, bytes, out).ok(), signal.ok() && signal->decode(out).ok());
  }
  if (signal.ok()) return "accepted";
  EXPECT_EQ(signal.error().fault, Fault::kCorrupt);
  return signal.error().message;
}

TEST(Signal, CountsBlocks) {
  const auto codec = fp32();
  EXPECT_EQ(block_count(*codec, 0), 0);
  EXPECT_EQ(block_count(*codec, 1), 1);
  EXPECT_EQ(block_count(*codec, kBlockValues), 1);
  EXPECT_EQ(block_count(*codec, kBlockValues + 1), 2);
  EXPECT_EQ(block_count(*codec, INT64_MAX), INT64_MAX / kBlockValues + 1);
}

TEST(Signal, RoundTripsEveryShape) {
  const auto codec = fp32();
  for (const int64_t count : {int64_t{0}, int64_t{1}, kBlockValues - 1, kBlockValues,
                              kBlockValues + 1, 3 * kBlockValues}) {
    const auto values = ramp(count);
    const Bytes bytes = encode_signal(*codec, values, 1);
    EXPECT_EQ(std::ssize(bytes), signal_bytes_max(*codec, count));
    const auto signal = EncodedSignal::open(*codec, bytes, count);
    ASSERT_TRUE(signal.ok()) << count;
    EXPECT_EQ(signal->count(), count);
    EXPECT_EQ(signal->blocks(), block_count(*codec, count));
    std::vector<float> out(values.size());
    ASSERT_TRUE(signal->decode(out).ok());
    EXPECT_EQ(out, values);
  }
}

TEST(Signal, IsFramesOfLengthChecksumAndBytes) {
  Bytes wanted;
  ByteWriter writer(wanted);
  for (const float value : {1.5f}) {
    const auto body = std::as_bytes(std::span(&value, 1));
    writer.put(uint32_t{4});
    writer.put(crc32c(body));
    writer.put(body);
  }
  EXPECT_EQ(encode_signal(*fp32(), std::vector{1.5f}, 1), wanted);
}

TEST(Signal, RefusesEveryFlippedBit) {
  const auto codec = fp32();
  Bytes bytes = encode_signal(*codec, ramp(40), 1);
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    const auto mask = static_cast<std::byte>(1u << (bit % 8));
    bytes[bit / 8] ^= mask;
    EXPECT_NE(refusal(bytes, 40), "accepted") << "bit " << bit;
    bytes[bit / 8] ^= mask;
  }
  EXPECT_EQ(refusal(bytes, 40), "accepted");
}

TEST(Signal, RefusesEveryTruncation) {
  const int64_t count = kBlockValues + 3;
  const Bytes whole = encode_signal(*fp32(), ramp(count), 1);
  for (const size_t cut : {1, 2, 11, 12, 13, 19, 20, 21, 60'000}) {
    const Bytes part(whole.begin(), whole.end() - static_cast<int64_t>(cut));
    EXPECT_NE(refusal(part, count), "accepted") << cut;
  }
  EXPECT_NE(refusal({}, 1), "accepted");
}

TEST(Signal, SaysWhatIsWrong) {
  const int64_t count = kBlockValues + 3;
  const Bytes good = encode_signal(*fp32(), ramp(count), 1);
  EXPECT_THAT(refusal(good, count + kBlockValues), HasSubstr("wanted"));
  EXPECT_THAT(refusal(good, kBlockValues), HasSubstr("follow the last of 1 blocks"));
  Bytes bad = good;
  bad.back() ^= std::byte{1};
  EXPECT_THAT(refusal(bad, count), HasSubstr("block 1 of 2 has checksum"));
  bad = good;
  bad[3] = std::byte{0xff};
  EXPECT_THAT(refusal(bad, count), HasSubstr("block 0 of 2 claims"));
  EXPECT_THAT(refusal(good, 0), HasSubstr("follow the last of 0 blocks"));
}

// A count that no memory could hold, with frames for none of it.
TEST(Signal, SetsNoMemoryAsideForAClaim) {
  EXPECT_THAT(refusal(Bytes(100), int64_t{1} << 60), HasSubstr("came as 100 bytes"));
}

// The frames fit and the checksum holds, but the block has another number of values.
TEST(Signal, LeavesTheSizeOfABlockToTheCodec) {
  const auto codec = fp32();
  const Bytes bytes = encode_signal(*codec, ramp(40), 1);
  const auto signal = EncodedSignal::open(*codec, bytes, 41);
  ASSERT_TRUE(signal.ok());
  std::vector<float> out(41);
  const auto result = signal->decode(out);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().message, "fp32: got 160 bytes; wanted: 164");
}

}  // namespace
}  // namespace causeway

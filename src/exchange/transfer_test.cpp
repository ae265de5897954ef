// SPDX-License-Identifier: Apache-2.0
#include "exchange/transfer.h"

#include <gtest/gtest.h>

#include "core/random.h"

namespace causeway {
namespace {

Bytes pattern(int64_t count) {
  Bytes bytes(static_cast<size_t>(count));
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 31 + i / 256);
  return bytes;
}

constexpr TransferSizes kSizes{64, 256};

/// A receiver that takes bytes in order, as the hub does.
struct Receiver {
  Bytes bytes;
  int64_t take(const Chunk& chunk) {
    if (chunk.offset == std::ssize(bytes))
      bytes.insert(bytes.end(), chunk.bytes.view().begin(), chunk.bytes.view().end());
    return std::ssize(bytes);
  }
};

TEST(Upload, SendsNothingBeforeTheReceiverSaysWhereToBegin) {
  Upload upload(digest_of(pattern(100)), SharedBytes(pattern(100)), Retry(10, 80));
  std::vector<Chunk> out;
  upload.pump(0, kSizes, out);
  EXPECT_TRUE(out.empty());
  upload.acknowledged(0, 40);
  upload.pump(0, kSizes, out);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].offset, 40);
  EXPECT_EQ(out[0].bytes.size(), 60);
}

TEST(Upload, KeepsToItsWindowAndGoesOnAsBytesAreAcknowledged) {
  Upload upload(digest_of(pattern(1000)), SharedBytes(pattern(1000)), Retry(10, 80));
  upload.acknowledged(0, 0);
  std::vector<Chunk> out;
  upload.pump(0, kSizes, out);
  EXPECT_EQ(out.size(), 4U);
  upload.pump(1, kSizes, out);
  EXPECT_EQ(out.size(), 4U);
  upload.acknowledged(2, 64);
  upload.pump(2, kSizes, out);
  ASSERT_EQ(out.size(), 5U);
  EXPECT_EQ(out[4].offset, 256);
}

// Goal: whatever is lost, doubled or late, the blob arrives whole, and not by sending everything
// again and again. Method: a link that drops a third; counted against the least possible.
TEST(Upload, ArrivesOverALossyLink) {
  const Bytes blob = pattern(10'000);
  Upload upload(digest_of(blob), SharedBytes(blob), Retry(10, 80));
  const Random random(3, Stream::kSample);
  Receiver receiver;
  uint64_t draw = 0;
  int64_t sent = 0, now = 0;
  upload.acknowledged(0, 0);
  for (; !upload.done() && now < 100'000; ++now) {
    std::vector<Chunk> out;
    upload.pump(now, kSizes, out);
    sent += std::ssize(out);
    for (const Chunk& chunk : out) {
      if (random.below(draw++, 3) == 0) continue;
      const int64_t have = receiver.take(chunk);
      if (random.below(draw++, 3) != 0) upload.acknowledged(now, have);
    }
  }
  EXPECT_EQ(receiver.bytes, blob);
  EXPECT_TRUE(upload.done());
  EXPECT_LT(sent, 5 * (10'000 / 64 + 1));
}

TEST(Upload, GoesBackWhenTheReceiverHasLostBytes) {
  const Bytes blob = pattern(300);
  Upload upload(digest_of(blob), SharedBytes(blob), Retry(10, 80));
  upload.acknowledged(0, 300);
  EXPECT_TRUE(upload.done());
  upload.wanted(128);
  EXPECT_FALSE(upload.done());
  std::vector<Chunk> out;
  upload.pump(5, kSizes, out);
  ASSERT_FALSE(out.empty());
  EXPECT_EQ(out[0].offset, 128);
}

TEST(Download, ArrivesOverALossyLink) {
  const Bytes blob = pattern(10'000);
  Download download(digest_of(blob), std::ssize(blob), Retry(10, 80));
  const Random random(4, Stream::kSample);
  uint64_t draw = 0;
  int64_t served = 0;
  for (int64_t now = 0; !download.done() && now < 100'000; ++now) {
    const auto get = download.pump(now, kSizes);
    if (!get) continue;
    ASSERT_LE(get->bytes_max, kSizes.window_bytes);
    for (int64_t offset = get->offset; offset < get->offset + get->bytes_max; offset += 64) {
      ++served;
      if (random.below(draw++, 3) == 0) continue;
      const auto end = std::min<int64_t>({offset + 64, get->offset + get->bytes_max, 10'000});
      download.take(now, {digest_of(blob), offset, SharedBytes(blob).slice(offset, end - offset)});
    }
  }
  EXPECT_EQ(download.bytes(), blob);
  EXPECT_LT(served, 8 * (10'000 / 64 + 1));
}

TEST(Download, BeginsAgainIfTheWholeIsNotWhatWasWanted) {
  const Bytes blob = pattern(64);
  Download download(digest_of(blob), 64, Retry(10, 80));
  ASSERT_TRUE(download.pump(0, kSizes).has_value());
  Bytes wrong = blob;
  wrong[5] ^= std::byte{1};
  download.take(1, {digest_of(blob), 0, SharedBytes(wrong)});
  EXPECT_FALSE(download.done());
  const auto again = download.pump(20, kSizes);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->offset, 0);
  download.take(21, {digest_of(blob), 0, SharedBytes(blob)});
  EXPECT_TRUE(download.done());
}

// A claimed size costs nothing until bytes come.
TEST(Download, TakesNoMemoryForAClaim) {
  Download download({1, 2}, INT64_MAX / 2, Retry(10, 80));
  const auto get = download.pump(0, kSizes);
  ASSERT_TRUE(get.has_value());
  EXPECT_EQ(get->bytes_max, kSizes.window_bytes);
  EXPECT_EQ(download.bytes().capacity(), 0U);
}

TEST(Retry, WaitsTwiceAsLongEachTimeUpToItsBound) {
  Retry retry(10, 35);
  EXPECT_TRUE(retry.due(0));
  retry.said(0);
  EXPECT_EQ(retry.at_ms(), 10);
  retry.said(10);
  EXPECT_EQ(retry.at_ms(), 30);
  retry.said(30);
  EXPECT_EQ(retry.at_ms(), 65);
  retry.answered(65);
  EXPECT_EQ(retry.at_ms(), 75);
}

}  // namespace
}  // namespace causeway

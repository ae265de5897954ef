// SPDX-License-Identifier: Apache-2.0
#include "core/spare_bytes.h"

#include <gtest/gtest.h>

#include "core/memory.h"
#include "core/shared_bytes.h"

namespace causeway {
namespace {

/// Of a message, and of a whole offer.
class SpareBytes : public testing::TestWithParam<size_t> {
 protected:
  void TearDown() override {
    while (!take_spare_bytes(GetParam()).empty()) {
    }
  }
};

TEST_P(SpareBytes, GivesTheSameMemoryAgain) {
  const size_t count = GetParam();
  Bytes bytes(count + 10);
  const std::byte* const place = bytes.data();
  give_spare_bytes(std::move(bytes));
  EXPECT_TRUE(take_spare_bytes(2 * count).empty());  // too small
  EXPECT_TRUE(take_spare_bytes(100).empty());        // far too large
  const Bytes again = take_spare_bytes(count);
  EXPECT_EQ(again.data(), place);
  EXPECT_TRUE(take_spare_bytes(count).empty());  // it is in use
}

TEST_P(SpareBytes, KeepsWhatTheLastSharerLetsGo) {
  const size_t count = GetParam();
  SharedBytes shared{Bytes(count)};
  const std::byte* const place = shared.view().data();
  SharedBytes part = shared.slice(5, 10);
  shared = {};
  EXPECT_TRUE(take_spare_bytes(count).empty());
  part = {};
  EXPECT_EQ(take_spare_bytes(count).data(), place);
}

TEST_P(SpareBytes, KeepsAFew) {
  for (size_t i = 0; i < 40; ++i) give_spare_bytes(Bytes(GetParam()));
  size_t kept = 0;
  while (!take_spare_bytes(GetParam()).empty()) ++kept;
  EXPECT_EQ(kept, GetParam() < kPastCacheBytes ? 16 : 4);
}

TEST(MessagesBytes, AreKeptUpToABound) {
  constexpr size_t kCount = 5 << 20;
  for (size_t i = 0; i < 20; ++i) give_spare_bytes(Bytes(kCount));
  size_t kept = 0;
  while (!take_spare_bytes(kCount).empty()) ++kept;
  EXPECT_EQ(kept, 3);
}

INSTANTIATE_TEST_SUITE_P(Sizes, SpareBytes, testing::Values(kSpareBytesMin, kPastCacheBytes));

TEST(SmallBytes, AreNotKept) {
  give_spare_bytes(Bytes(1000));
  EXPECT_TRUE(take_spare_bytes(1000).empty());
}

}  // namespace
}  // namespace causeway

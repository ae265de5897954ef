// SPDX-License-Identifier: Apache-2.0
#include "core/spare_bytes.h"

#include <gtest/gtest.h>

#include "core/memory.h"
#include "core/shared_bytes.h"

namespace causeway {
namespace {

constexpr size_t kLarge = kPastCacheBytes;

TEST(SpareBytes, GivesTheSameMemoryAgain) {
  Bytes bytes(kLarge + 10);
  const std::byte* const place = bytes.data();
  give_spare_bytes(std::move(bytes));
  EXPECT_TRUE(take_spare_bytes(2 * kLarge).empty());  // too small
  EXPECT_TRUE(take_spare_bytes(100).empty());         // far too large
  const Bytes again = take_spare_bytes(kLarge);
  EXPECT_EQ(again.data(), place);
  EXPECT_TRUE(take_spare_bytes(kLarge).empty());  // it is in use
}

TEST(SpareBytes, KeepsWhatTheLastSharerLetsGo) {
  SharedBytes shared{Bytes(kLarge)};
  const std::byte* const place = shared.view().data();
  SharedBytes part = shared.slice(5, 10);
  shared = {};
  EXPECT_TRUE(take_spare_bytes(kLarge).empty());
  part = {};
  EXPECT_EQ(take_spare_bytes(kLarge).data(), place);
}

TEST(SpareBytes, KeepsAFew) {
  for (size_t i = 0; i < 10; ++i) give_spare_bytes(Bytes(kLarge));
  size_t kept = 0;
  while (!take_spare_bytes(kLarge).empty()) ++kept;
  EXPECT_EQ(kept, 4);
  give_spare_bytes(Bytes(1000));
  EXPECT_TRUE(take_spare_bytes(1000).empty());
}

}  // namespace
}  // namespace causeway

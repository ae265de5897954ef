// SPDX-License-Identifier: Apache-2.0
#include "sim/sim_disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace causeway {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

Bytes filled(size_t size, uint8_t value) { return Bytes(size, std::byte{value}); }

Bytes whole(const SimDisk& disk, const std::string& name) {
  return disk.read(name, 0, disk.size(name).value()).value();
}

TEST(SimDisk, ACrashKeepsWhatWasSyncedAndAPrefixOfTheRest) {
  std::set<size_t> kept;
  int64_t torn = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    SimDisk disk(seed);
    ASSERT_TRUE(disk.append("a", filled(10, 1)).ok() && disk.sync("a").ok());
    ASSERT_TRUE(disk.append("a", filled(20, 2)).ok());
    disk.crash();
    const Bytes after = whole(disk, "a");
    ASSERT_GE(after.size(), 10U);
    ASSERT_LE(after.size(), 30U);
    EXPECT_EQ(std::count(after.begin(), after.begin() + 10, std::byte{1}), 10) << seed;
    // A torn tail is spoilt at its end only.
    const auto end = std::find_if(after.begin() + 10, after.end(),
                                  [](std::byte value) { return value != std::byte{2}; });
    EXPECT_TRUE(end == after.end() || disk.counts().torn == 1) << seed;
    EXPECT_EQ(disk.counts().lost_bytes, 30 - std::ssize(after));
    kept.insert(after.size());
    torn += disk.counts().torn;
  }
  EXPECT_TRUE(kept.contains(10) && kept.contains(30));
  EXPECT_GT(kept.size(), 15U) << "every length in between is likely";
  EXPECT_GT(torn, 30);
  EXPECT_LT(torn, 150);
}

TEST(SimDisk, WhatACrashKeptIsDurable) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SimDisk disk(seed);
    ASSERT_TRUE(disk.append("a", filled(2000, 2)).ok());
    disk.crash();
    if (disk.list()->empty()) continue;
    const Bytes first = whole(disk, "a");
    for (int i = 0; i < 5; ++i) disk.crash();
    EXPECT_EQ(whole(disk, "a"), first);
  }
}

TEST(SimDisk, ACrashMayLoseAFileThatWasNeverSynced) {
  int vanished = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    SimDisk disk(seed);
    ASSERT_TRUE(disk.append("new", filled(3, 1)).ok());
    ASSERT_TRUE(disk.append("synced", {}).ok() && disk.sync("synced").ok());
    disk.crash();
    EXPECT_TRUE(disk.size("synced").ok());
    vanished += disk.size("new").ok() ? 0 : 1;
    EXPECT_EQ(disk.counts().lost_files, disk.size("new").ok() ? 0 : 1);
  }
  EXPECT_GT(vanished, 25);
  EXPECT_LT(vanished, 75);
}

TEST(SimDisk, RenamesAreDurableButNotWhatTheFileHolds) {
  size_t shortest = 8;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SimDisk disk(seed);
    ASSERT_TRUE(disk.append("old", filled(4, 1)).ok() && disk.sync("old").ok());
    ASSERT_TRUE(disk.append("new", filled(8, 2)).ok());
    ASSERT_TRUE(disk.rename("new", "old").ok());
    disk.crash();
    EXPECT_FALSE(disk.size("new").ok());
    shortest = std::min(shortest, whole(disk, "old").size());
  }
  EXPECT_EQ(shortest, 0U);
}

TEST(SimDisk, CutsAndRemovalsAreDurable) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SimDisk disk(seed);
    ASSERT_TRUE(disk.append("a", filled(9, 1)).ok() && disk.truncate("a", 5).ok());
    ASSERT_TRUE(disk.append("b", filled(9, 1)).ok() && disk.sync("b").ok());
    ASSERT_TRUE(disk.remove("b").ok());
    disk.crash();
    EXPECT_EQ(whole(disk, "a"), filled(5, 1));
    EXPECT_FALSE(disk.size("b").ok());
  }
}

TEST(SimDisk, SaysThatNoSpaceIsLeft) {
  SimDisk disk(1, 10);
  ASSERT_TRUE(disk.append("a", filled(7, 1)).ok());
  const auto refused = disk.append("b", filled(4, 1));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().fault, Fault::kIo);
  EXPECT_THAT(refused.error().message, HasSubstr("no space left"));
  EXPECT_FALSE(disk.size("b").ok());
  EXPECT_EQ(disk.counts().full, 1);
  EXPECT_TRUE(disk.append("b", filled(3, 1)).ok());
  EXPECT_EQ(disk.bytes_used(), 10);
  disk.set_capacity(5);
  EXPECT_FALSE(disk.append("a", filled(1, 1)).ok());
  EXPECT_TRUE(disk.append("a", {}).ok());
  ASSERT_TRUE(disk.remove("a").ok());
  EXPECT_TRUE(disk.append("c", filled(2, 1)).ok());
}

TEST(SimDisk, FlipsOneDurableBit) {
  SimDisk disk(1);
  EXPECT_FALSE(disk.flip_bit("a", 0));
  ASSERT_TRUE(disk.append("a", filled(4, 0)).ok());
  EXPECT_FALSE(disk.flip_bit("a", 0)) << "nothing of it is durable";
  ASSERT_TRUE(disk.sync("a").ok() && disk.append("a", filled(4, 0)).ok());
  for (uint64_t draw = 0; draw < 64; ++draw) {
    const Bytes before = whole(disk, "a");
    ASSERT_TRUE(disk.flip_bit("a", draw));
    Bytes wanted = before;
    wanted[draw % 32 / 8] ^= static_cast<std::byte>(1U << (draw % 8));
    EXPECT_EQ(whole(disk, "a"), wanted);
  }
  EXPECT_EQ(disk.counts().flipped, 64);
}

TEST(SimDisk, StopsBetweenTwoChanges) {
  SimDisk disk(1);
  disk.stop_after(2);
  EXPECT_TRUE(disk.append("a", filled(4, 1)).ok());
  EXPECT_TRUE(disk.sync("a").ok());
  EXPECT_FALSE(disk.append("a", filled(4, 2)).ok());
  EXPECT_FALSE(disk.sync("a").ok());
  EXPECT_FALSE(disk.truncate("a", 0).ok());
  EXPECT_FALSE(disk.rename("a", "b").ok());
  EXPECT_FALSE(disk.remove("a").ok());
  EXPECT_EQ(whole(disk, "a"), filled(4, 1));
  disk.crash();
  EXPECT_TRUE(disk.append("a", filled(4, 2)).ok());
}

TEST(SimDisk, TheSameSeedGivesTheSameBytes) {
  const auto run = [](uint64_t seed) {
    SimDisk disk(seed);
    Bytes all;
    for (uint8_t i = 0; i < 40; ++i) {
      const std::string name(1, static_cast<char>('a' + i % 3));
      CW_CHECK(disk.append(name, filled(100, i)).ok());
      if (i % 5 == 0) CW_CHECK(disk.sync(name).ok());
      if (i % 7 == 0) disk.crash();
    }
    disk.crash();
    const std::vector<std::string> names = disk.list().value();
    for (const std::string& name : names) {
      const Bytes bytes = whole(disk, name);
      all.insert(all.end(), bytes.begin(), bytes.end());
    }
    return std::pair(all, disk.counts());
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1).first, run(2).first);
}

}  // namespace
}  // namespace causeway

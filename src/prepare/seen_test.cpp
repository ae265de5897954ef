// SPDX-License-Identifier: Apache-2.0
#include "prepare/seen.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "prepare/test_folder.h"

namespace causeway {
namespace {

Digest digest_at(uint64_t number) { return digest_of(std::to_string(number)); }

std::unique_ptr<Seen> open_seen(const std::string& folder, uint64_t numbers_below) {
  auto seen = Seen::open(folder, "seen", numbers_below);
  EXPECT_TRUE(seen) << seen.error().message;
  return std::move(*seen);
}

// Method: the answers of a set of the standard library, over several doublings.
TEST(Seen, KnowsWhatThereWas) {
  const auto seen = open_seen(test_folder(), 0);
  std::set<Digest> wanted;
  for (uint64_t i = 0; i < 40'000; ++i) {
    const Digest digest = digest_at(i * i % 30'011);
    const auto is_new = seen->add(digest, i);
    ASSERT_TRUE(is_new);
    ASSERT_EQ(*is_new, wanted.insert(digest).second) << i;
  }
  EXPECT_EQ(seen->size(), wanted.size());
}

TEST(Seen, KeepsDigestsApartThatShareASlotOrAHalf) {
  const auto seen = open_seen(test_folder(), 0);
  const uint64_t far = uint64_t{1} << 32;
  for (const Digest& digest : {Digest{1, 5}, {2, 5}, {1, 5 + far}, {0, 0}, {0, far}, {1, 4095}})
    for (const bool wanted : {true, false}) {
      const auto is_new = seen->add(digest, 1);
      ASSERT_TRUE(is_new);
      EXPECT_EQ(*is_new, wanted);
    }
}

TEST(Seen, ForgetsWhatAnInterruptedRunAddedLater) {
  const std::string folder = test_folder();
  // The table doubles after the number from which a second run goes on.
  constexpr uint64_t kAll = 9000, kKept = 2400;
  {
    const auto seen = open_seen(folder, 0);
    for (uint64_t i = 0; i < kAll; ++i) ASSERT_TRUE(seen->add(digest_at(i), i));
    ASSERT_TRUE(seen->sync());
  }
  const auto seen = open_seen(folder, kKept);
  EXPECT_EQ(seen->size(), kKept);
  for (uint64_t i = 0; i < kAll; ++i) {
    const auto is_new = seen->add(digest_at(i), i);
    ASSERT_TRUE(is_new);
    ASSERT_EQ(*is_new, i >= kKept) << i;
  }
}

TEST(Seen, RefusesAFileThatIsNone) {
  const std::string folder = test_folder();
  {
    const auto seen = open_seen(folder, 0);
  }
  const std::string good = read_text(folder + "/seen");
  for (const std::string& bad :
       {std::string(), std::string("short"), good.substr(0, good.size() - 1), "x" + good}) {
    write_text(folder + "/seen", bad);
    const auto seen = Seen::open(folder, "seen", 0);
    ASSERT_FALSE(seen);
    EXPECT_EQ(seen.error().fault, Fault::kCorrupt);
  }
}

}  // namespace
}  // namespace causeway

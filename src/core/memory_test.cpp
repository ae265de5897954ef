// SPDX-License-Identifier: Apache-2.0
#include "core/memory.h"

#include <gtest/gtest.h>

#include <numeric>

namespace causeway {
namespace {

TEST(PastCache, CopiesAnySizeToAnyPlace) {
  std::vector<uint8_t> source(700);
  std::iota(source.begin(), source.end(), uint8_t{1});
  for (const size_t size : {0, 1, 15, 63, 64, 65, 127, 128, 200, 640})
    for (size_t at = 0; at < 66; ++at) {
      std::vector<uint8_t> target(800, 0), wanted(800, 0);
      std::copy_n(source.begin() + 3, size, wanted.begin() + static_cast<int64_t>(at));
      PastCache().copy(std::as_bytes(std::span(source).subspan(3, size)),
                       std::as_writable_bytes(std::span(target)).data() + at);
      ASSERT_EQ(target, wanted) << size << " bytes to " << at;
    }
}

TEST(ReserveLarge, MakesRoomAndKeepsValues) {
  std::vector<float> values = {1, 2, 3};
  reserve_large(values, kPastCacheBytes);
  EXPECT_GE(values.capacity(), kPastCacheBytes);
  EXPECT_EQ(values, (std::vector<float>{1, 2, 3}));
}

}  // namespace
}  // namespace causeway

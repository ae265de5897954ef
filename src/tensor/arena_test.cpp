// SPDX-License-Identifier: Apache-2.0
#include "tensor/arena.h"

#include <gtest/gtest.h>

#include <numeric>

namespace causeway {
namespace {

/// Odd sizes, so that every tensor but one needs padding; 12 + 32 + 3 + 1 + 35 values and an alias.
Layout odd() {
  Layout layout;
  layout.add("embed", {6, 2}, Role::kEmbedding, -1);
  layout.add("matrix", {4, 8}, Role::kMatrix, 0);
  layout.add("norm", {3}, Role::kNorm, 0);
  layout.add_alias("tied", "embed");
  layout.add("bias", {1}, Role::kBias, -1);
  layout.add("head", {5, 7}, Role::kHead, -1);
  return layout;
}

std::shared_ptr<const Placement> placement() { return std::make_shared<Placement>(odd()); }

std::vector<float> counting(int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  std::iota(values.begin(), values.end(), 1.0f);
  return values;
}

Region all(const Arena& arena) { return arena.placement().layout().select("all").value(); }

TEST(Placement, StartsEachTensorOn128BytesWithoutWaste) {
  const Placement placed(odd());
  const std::vector<int64_t> offsets = {0, 32, 64, 0, 96, 128};
  for (size_t i = 0; i < offsets.size(); ++i) EXPECT_EQ(placed.offset(i), offsets[i]) << i;
  EXPECT_EQ(placed.size(), 128 + 64);
}

TEST(Placement, GroupsCoverTheArenaAndMergeNeighbours) {
  const Placement placed(odd());
  ASSERT_EQ(placed.groups().size(), 4u);
  const std::vector<std::tuple<int64_t, int64_t, bool>> wanted = {
      {0, 32, false}, {32, 32, true}, {64, 64, false}, {128, 64, true}};
  for (size_t i = 0; i < wanted.size(); ++i) {
    const Placement::Group& group = placed.groups()[i];
    EXPECT_EQ(std::tuple(group.begin, group.count, group.decays), wanted[i]) << i;
  }
}

class EveryType : public testing::TestWithParam<at::ScalarType> {};

TEST_P(EveryType, IsAlignedZeroAndShaped) {
  const Arena arena(placement(), GetParam());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(arena.flat().data_ptr()) % 128, 0u);
  EXPECT_EQ(arena.flat().numel(), arena.placement().size());
  EXPECT_EQ(arena.flat().abs().sum().item<double>(), 0);
  EXPECT_EQ(arena[5].sizes(), (std::vector<int64_t>{5, 7}));
  for (size_t i = 0; i < 6; ++i)
    EXPECT_EQ(arena[i].data_ptr(),
              arena.flat().narrow(0, arena.placement().offset(i), 1).data_ptr());
  EXPECT_EQ(arena[3].data_ptr(), arena[0].data_ptr());
}

TEST_P(EveryType, WritesInGlobalOrderAndKeepsPaddingZero) {
  Arena arena(placement(), GetParam());
  const std::vector<float> values = counting(arena.placement().layout().count());
  arena.write(all(arena), values);
  EXPECT_EQ(arena[0][0][0].item<double>(), 1);
  EXPECT_EQ(arena[1][0][0].item<double>(), 13);
  EXPECT_EQ(arena[1][3][7].item<double>(), 44);
  EXPECT_EQ(arena[2][2].item<double>(), 47);
  EXPECT_EQ(arena[4][0].item<double>(), 48);
  EXPECT_EQ(arena[5][4][6].item<double>(), 83);
  EXPECT_EQ(arena[3][5][1].item<double>(), 12) << "the alias shows its target's values";
  EXPECT_EQ(arena.flat().sum().item<double>(), 83 * 84 / 2) << "padding stays zero";
}

TEST_P(EveryType, ReadsAnyRegionBack) {
  Arena arena(placement(), GetParam());
  const std::vector<float> values = counting(arena.placement().layout().count());
  arena.write(all(arena), values);
  // Inside one tensor, across three, a single value, and the end.
  const Region region{{{2, 3}, {10, 36}, {47, 1}, {80, 3}}};
  std::vector<float> packed(static_cast<size_t>(region.count()));
  arena.read(region, packed);
  size_t next = 0;
  for (const Span& span : region.spans)
    for (int64_t i = 0; i < span.count; ++i)
      EXPECT_EQ(packed[next++], values[static_cast<size_t>(span.begin + i)]);
}

TEST_P(EveryType, WritesNothingOutsideTheRegion) {
  Arena arena(placement(), GetParam());
  const Region region = odd().select("role=norm").value();
  arena.write(region, std::vector<float>{1, 1, 1});
  EXPECT_EQ(arena[2].sum().item<double>(), 3);
  EXPECT_EQ(arena.flat().sum().item<double>(), 3);
}

INSTANTIATE_TEST_SUITE_P(Types, EveryType, testing::Values(at::kFloat, at::kDouble),
                         [](const auto& type) { return std::string(c10::toString(type.param)); });

TEST(ArenaDeathTest, RefusesARegionOfAnotherSize) {
  Arena arena(placement());
  std::vector<float> packed(3);
  EXPECT_DEATH(arena.read(Region{{{0, 4}}}, packed), "region of 4");
  EXPECT_DEATH(arena.read(Region{{{81, 3}}}, packed), "of 83 values");
}

}  // namespace
}  // namespace causeway

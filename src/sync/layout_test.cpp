// SPDX-License-Identifier: Apache-2.0
#include "sync/layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

namespace causeway {
namespace {

using testing::HasSubstr;

/// Global order: embedding [0, 12), layer 0 [12, 22), layer 1 [22, 32), norm [32, 34), tied head.
Layout small() {
  Layout layout;
  layout.add("embed", {6, 2}, Role::kEmbedding, -1);
  for (int32_t layer = 0; layer < 2; ++layer) {
    layout.add("w" + std::to_string(layer), {4, 2}, Role::kMatrix, layer);
    layout.add("n" + std::to_string(layer), {2}, Role::kNorm, layer);
  }
  layout.add("norm", {2}, Role::kNorm, -1);
  layout.add_alias("head", "embed");
  return layout;
}

std::vector<Span> spans(std::string_view selector) {
  const auto region = small().select(selector);
  EXPECT_TRUE(region.ok()) << selector;
  return region.ok() ? region->spans : std::vector<Span>{};
}

TEST(Layout, NumbersTensorsWithoutGapsAndAliasesWithoutValues) {
  const Layout layout = small();
  EXPECT_EQ(layout.count(), 34);
  EXPECT_EQ(layout.find("w1")->begin, 22);
  EXPECT_EQ(layout.find("w1")->count, 8);
  const Tensor* head = layout.find("head");
  ASSERT_NE(head, nullptr);
  EXPECT_EQ(head->alias_of, "embed");
  EXPECT_EQ(head->count, 0);
  EXPECT_EQ(head->shape, (std::vector<int64_t>{6, 2}));
  EXPECT_EQ(layout.find("nothing"), nullptr);
}

TEST(Layout, SelectsByRoleAndLayer) {
  EXPECT_EQ(spans("all"), (std::vector<Span>{{0, 34}}));
  EXPECT_EQ(spans("role=matrix"), (std::vector<Span>{{12, 8}, {22, 8}}));
  EXPECT_EQ(spans("role=embedding"), (std::vector<Span>{{0, 12}}));
  EXPECT_EQ(spans("layers 0..1"), (std::vector<Span>{{12, 20}}));
  EXPECT_EQ(spans("layers 1..7"), (std::vector<Span>{{22, 10}}));
}

TEST(Layout, NegatesAndJoins) {
  EXPECT_EQ(spans("!role=matrix"), (std::vector<Span>{{0, 12}, {20, 2}, {30, 4}}));
  EXPECT_EQ(spans("!layers 0..1"), (std::vector<Span>{{0, 12}, {32, 2}}));
  EXPECT_EQ(spans("role=norm & layers 0..0"), (std::vector<Span>{{20, 2}}));
  EXPECT_EQ(spans("role=norm&!layers 0..0"), (std::vector<Span>{{30, 4}}));
}

TEST(Layout, SelectsFragmentsOfStridedLayers) {
  EXPECT_EQ(spans("fragment 0/1"), (std::vector<Span>{{0, 34}}));
  EXPECT_EQ(spans("fragment 0/2"), (std::vector<Span>{{0, 22}}));
  EXPECT_EQ(spans("fragment 1/2"), (std::vector<Span>{{22, 12}}));
  EXPECT_EQ(spans("fragment 1 / 3"), (std::vector<Span>{{22, 10}}));
  EXPECT_EQ(spans("fragment 2/3"), (std::vector<Span>{{32, 2}}));
  EXPECT_EQ(spans("fragment 0/2 & !role=norm"), (std::vector<Span>{{0, 20}}));

  Layout deep;
  deep.add("embed", {3}, Role::kEmbedding, -1);
  deep.add("embed_norm", {1}, Role::kNorm, -1);
  for (int32_t layer = 0; layer < 7; ++layer)
    deep.add("w" + std::to_string(layer), {10}, Role::kMatrix, layer);
  deep.add("norm", {1}, Role::kNorm, -1);
  deep.add("head", {3}, Role::kHead, -1);
  EXPECT_EQ(deep.select("fragment 0/3")->spans, (std::vector<Span>{{0, 14}, {34, 10}, {64, 10}}));
  EXPECT_EQ(deep.select("fragment 1/3")->spans, (std::vector<Span>{{14, 10}, {44, 10}}));
  EXPECT_EQ(deep.select("fragment 2/3")->spans, (std::vector<Span>{{24, 10}, {54, 10}, {74, 4}}));
}

TEST(Layout, RefusesEmptyAndUnknownSelections) {
  for (const char* selector : {"",
                               "!all",
                               "role=bias",
                               "layers 2..3",
                               "role=gate",
                               "layers 1..0",
                               "layers 1",
                               "layers ..",
                               "layers -1..0",
                               "layers 0..99999999999",
                               "everything",
                               "all &",
                               "& all",
                               "fragment 2/2",
                               "fragment 2/4",
                               "fragment 0/0",
                               "fragment -1/2",
                               "fragment 1",
                               "fragment /",
                               "fragment 0/99999999999"}) {
    const auto region = small().select(selector);
    ASSERT_FALSE(region.ok()) << selector;
    EXPECT_EQ(region.error().fault, Fault::kBadInput) << selector;
    EXPECT_THAT(region.error().message, HasSubstr("region")) << selector;
  }
}

TEST(Layout, ASelectionAndItsNegationPartitionTheValues) {
  for (const std::string selector : {"role=matrix", "role=norm", "layers 0..0", "role=embedding"})
    EXPECT_EQ(small().select(selector)->count() + small().select("!" + selector)->count(),
              small().count());
}

TEST(Layout, DigestDependsOnEveryField) {
  const auto digest = [](std::string name, std::vector<int64_t> shape, Role role, int32_t layer,
                         bool alias) {
    Layout layout;
    layout.add("first", {2, 3}, Role::kMatrix, 0);
    if (alias)
      layout.add_alias(name, "first");
    else
      layout.add(name, shape, role, layer);
    return layout.digest();
  };
  std::set<Digest> digests = {
      digest("a", {2, 3}, Role::kMatrix, 0, false), digest("b", {2, 3}, Role::kMatrix, 0, false),
      digest("a", {3, 2}, Role::kMatrix, 0, false), digest("a", {6}, Role::kMatrix, 0, false),
      digest("a", {2, 3}, Role::kHead, 0, false),   digest("a", {2, 3}, Role::kMatrix, 1, false),
      digest("a", {2, 3}, Role::kMatrix, 0, true)};
  EXPECT_EQ(digests.size(), 7u);
  EXPECT_EQ(digest("a", {2, 3}, Role::kMatrix, 0, false),
            digest("a", {2, 3}, Role::kMatrix, 0, false));
}

TEST(Role, HasAName) { EXPECT_EQ(role_name(Role::kHead), "head"); }

}  // namespace
}  // namespace causeway

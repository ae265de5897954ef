// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "aggregate/toy_fold.h"

namespace causeway {
namespace {

TEST(Gather, FoldsNothing) {
  Mistakes mistakes;
  const auto rule = make_plugin(rules(), "rule", Plugin{"gather", {}}, mistakes);
  EXPECT_TRUE(rule->gathers());
  EXPECT_FALSE(rule->adds() || rule->by_tensor());
  EXPECT_DEATH(toy_fold("gather", {{1}}, {1}), "are not folded");
}

}  // namespace
}  // namespace causeway

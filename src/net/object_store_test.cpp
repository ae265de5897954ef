// SPDX-License-Identifier: Apache-2.0
//
// The contract over memory; tests/python has it over S3.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/object_store_contract.h"

namespace causeway {
namespace {

using testing::IsEmpty;

TEST(ObjectStore, MemoryKeepsTheContract) {
  const auto store = memory_object_store();
  EXPECT_THAT(ObjectStoreContract(*store).breaches(), IsEmpty());
}

TEST(ObjectStore, CancelledMemoryRefuses) {
  const auto store = memory_object_store();
  ASSERT_TRUE(store->put("a", {}).ok());
  store->cancel();
  EXPECT_EQ(store->put("a", {}).error().fault, Fault::kIo);
  EXPECT_EQ(store->get("a", 0).error().fault, Fault::kIo);
  EXPECT_EQ(store->list("", 1).error().fault, Fault::kIo);
  EXPECT_EQ(store->remove("a").error().fault, Fault::kIo);
}

TEST(ObjectStore, PrefixMayEndAnywhereInAKey) {
  for (const auto* prefix : {"", "a", "a/", "a/b.", "."}) EXPECT_TRUE(check_object_prefix(prefix));
  for (const auto* prefix : {"/", "a//", "../a", "a/./", "a b", "a?"})
    EXPECT_FALSE(check_object_prefix(prefix)) << prefix;
}

}  // namespace
}  // namespace causeway

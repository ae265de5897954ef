// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sync/toy_port.h"

namespace causeway {
namespace {

using testing::Each;

TEST(AssignPort, WritesWhatItReadUnlessItIsToldWhere) {
  const std::vector<float> two(34, 2), three(34, 3);
  ToyPort same("assign", "state = 'u'"), other("assign", "state = 'u'\nto = 'v'");
  for (ToyPort* port : {&same, &other}) {
    port->fill("u", two);
    EXPECT_EQ(port->offer({}), two);
    port->apply({}, three);
  }
  EXPECT_EQ(same.packed("u"), three);
  EXPECT_THAT(same.packed("v"), Each(0));
  EXPECT_EQ(other.packed("u"), two);
  EXPECT_EQ(other.packed("v"), three);
}

// What is written elsewhere is a worker's own matter: a silent member has not what is read.
TEST(AssignPort, CanBeFollowedWhereItWritesWhatItReads) {
  EXPECT_TRUE(ToyPort("assign", "state = 'u'").port->follows());
  EXPECT_FALSE(ToyPort("assign", "state = 'u'\nto = 'v'").port->follows());
}

TEST(AssignPort, TakesSeveralStagesIfTold) {
  EXPECT_EQ(ToyPort("assign").port->stages(), 1);
  EXPECT_EQ(ToyPort("assign", "stages = 3").port->stages(), 3);
}

}  // namespace
}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "tensor/workspace.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

namespace causeway {
namespace {

// Goal: no two tensors share memory while both live. Method: each is filled with a number of its
// own, in nested scopes, over several rounds that grow.
TEST(Workspace, TensorsOfLivingScopesAreApart) {
  Workspace workspace;
  for (int64_t round = 1; round < 5; ++round) {
    const Workspace::Scope outer(workspace);
    std::vector<at::Tensor> kept;
    for (int64_t i = 0; i < 6; ++i) {
      kept.push_back(workspace.take({100 * round, i + 1}, i % 2 == 0 ? at::kFloat : at::kLong));
      kept.back().fill_(i);
      const Workspace::Scope inner(workspace);
      workspace.take({1000 * i + 1}, at::kDouble).fill_(-1);
    }
    for (int64_t i = 0; i < 6; ++i) {
      const at::Tensor& one = kept[static_cast<size_t>(i)];
      EXPECT_EQ(reinterpret_cast<uintptr_t>(one.data_ptr()) % 128, 0u);
      EXPECT_EQ(one.to(at::kDouble).sum().item<double>(), static_cast<double>(i * one.numel()));
    }
  }
}

// Goal: a second step like the first allocates nothing. Method: the same tensors lie where they lay
// once before.
TEST(Workspace, IsSteadyFromTheSecondRound) {
  Workspace workspace;
  const auto round = [&] {
    const Workspace::Scope scope(workspace);
    std::vector<void*> places;
    for (int64_t i = 1; i < 20; ++i)
      places.push_back(workspace.take({i * 1000}, at::kFloat).data_ptr());
    return places;
  };
  round();
  const auto second = round();
  EXPECT_EQ(std::set<void*>(second.begin(), second.end()).size(), second.size());
  EXPECT_EQ(second, round());
}

TEST(Workspace, CountsWhatWasTakenAtOnce) {
  Workspace workspace;
  const int64_t one = Workspace::bytes(33, at::kFloat);
  EXPECT_EQ(one, 256);
  {
    const Workspace::Scope scope(workspace);
    workspace.take({33}, at::kFloat);
    {
      const Workspace::Scope inner(workspace);
      workspace.take({3, 11}, at::kFloat);
    }
    workspace.take({33}, at::kFloat);
  }
  EXPECT_EQ(workspace.bytes_most(), 2 * one);
}

TEST(Workspace, EachThreadHasItsOwn) {
  const Workspace* other = nullptr;
  std::thread([&] { other = &Workspace::of_this_thread(); }).join();
  EXPECT_NE(other, &Workspace::of_this_thread());
}

}  // namespace
}  // namespace causeway

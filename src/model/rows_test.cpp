// SPDX-License-Identifier: Apache-2.0
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/linspace.h>
#include <gtest/gtest.h>

#include "model/norm.h"
#include "model/rope.h"

namespace causeway {
namespace {

/// What the row kernels make of 1024 rows of 256 values: eight tasks of each_row.
std::vector<at::Tensor> results(int threads) {
  at::set_num_threads(threads);
  const at::Tensor x_MC = at::linspace(-1, 2, 1024 * 256, at::kFloat).sin().view({1024, 256});
  const Normed normed = normalise(x_MC, 1e-5);
  at::Tensor dx_MC = at::full_like(x_MC, 1);
  normalise_backward(normed, x_MC.cos(), dx_MC);
  at::Tensor heads_BTHD = x_MC.clone().view({16, 64, 8, 32});
  Rope(64, 32, 10'000).turn(heads_BTHD, heads_BTHD, 0);
  at::set_num_threads(1);
  return {normed.y_MC, normed.scale_M, dx_MC, heads_BTHD};
}

TEST(RowKernels, GiveTheSameBitsOnTwoThreads) {
  const auto one = results(1), two = results(2);
  for (size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(one[i].equal(two[i])) << i;
}

TEST(Rope, TurningBackUndoesTurning) {
  const at::Tensor x = at::linspace(-1, 2, 2 * 5 * 3 * 6, at::kDouble).view({2, 5, 3, 6});
  at::Tensor turned = at::full_like(x, 0), back = at::full_like(x, 0);
  const Rope rope(5, 6, 100);
  rope.turn(x, turned, 0);
  rope.turn_back(turned, back);
  EXPECT_LT((back - x).abs().max().item<double>(), 1e-15);
  EXPECT_GT((turned - x).abs().max().item<double>(), 0.1);
  EXPECT_TRUE(turned.select(1, 0).equal(x.select(1, 0))) << "position 0 is not turned";
}

}  // namespace
}  // namespace causeway

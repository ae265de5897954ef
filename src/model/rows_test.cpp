// SPDX-License-Identifier: Apache-2.0
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/linspace.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "model/column_sums.h"
#include "model/cross_entropy.h"
#include "model/head_norm.h"
#include "model/norm.h"
#include "model/rope.h"
#include "model/swiglu.h"
#include "model/test_numbers.h"

namespace causeway {
namespace {

/// What the row kernels make of 1024 rows of 256 values: eight tasks of each_row.
std::vector<at::Tensor> results(int threads) {
  at::set_num_threads(threads);
  const at::Tensor x_MC = at::linspace(-1, 2, 1024 * 256, at::kFloat).sin().view({1024, 256});
  const Normed normed{at::empty_like(x_MC), at::empty({1024}, at::kFloat)};
  normalise(x_MC, 1e-5, normed);
  const at::Tensor dx_MC = at::full_like(x_MC, 1);
  normalise_backward(normed, x_MC.cos(), dx_MC, dx_MC);
  const at::Tensor heads_BTHD = x_MC.clone().view({16, 64, 8, 32});
  Rope(64, rope_frequencies(32, 10'000, {})).turn(heads_BTHD, 0);
  at::set_num_threads(1);
  return {normed.y_MC, normed.scale_M, dx_MC, heads_BTHD};
}

/// What the norm of 1024 rows of 6 + 2 heads makes of 10 heads of 32 channels, and its gradients.
std::vector<at::Tensor> head_norm_results(int threads) {
  const at::Tensor gains_2D = at::linspace(-1, 3, 64, at::kFloat).view({2, 32});
  at::set_num_threads(threads);
  const at::Tensor heads_MRD =
      at::linspace(-1, 2, 1024 * 320, at::kFloat).sin().view({1024, 10, 32});
  const at::Tensor dheads_MRD = heads_MRD.cos();
  const HeadNormSizes sizes{6, 2, 1e-5};
  const at::Tensor dgains_2D = at::full_like(gains_2D, 5), sums = at::full({320}, 7.0f);
  Workspace workspace;
  const Workspace::Scope scope(workspace);
  const HeadNormed saved = head_norm(sizes, gains_2D, heads_MRD, workspace);
  head_norm_backward(sizes, gains_2D, saved, dheads_MRD, dgains_2D, true, workspace);
  column_sums(heads_MRD.view({1024, 320}), sums, false);
  at::set_num_threads(1);
  return {heads_MRD, dheads_MRD, dgains_2D, sums};
}

TEST(RowKernels, HeadNormGivesTheSameBitsOnTwoThreads) {
  const auto one = head_norm_results(1), two = head_norm_results(2);
  for (size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(one[i].equal(two[i])) << i;
}

TEST(RowKernels, HeadNormLeavesValuesAlone) {
  const at::Tensor before = at::linspace(-1, 2, 1024 * 320, at::kFloat).sin().view({1024, 10, 32});
  const auto results = head_norm_results(1);
  EXPECT_TRUE(results[0].narrow(1, 8, 2).equal(before.narrow(1, 8, 2)));
  EXPECT_FALSE(results[0].narrow(1, 6, 2).equal(before.narrow(1, 6, 2)));
  EXPECT_TRUE(results[1].narrow(1, 8, 2).equal(before.cos().narrow(1, 8, 2)));
}

// Method: sizes about the blocks' edges, one more level included; whole numbers, whose sums are
// exact.
TEST(ColumnSums, AreTheSums) {
  for (const int64_t rows : {1, 63, 64, 65, 4096, 4097, 5000}) {
    const at::Tensor x_MC = at::arange(rows * 3, at::kDouble).view({rows, 3});
    const at::Tensor sums = at::full({3}, 5.0, at::kDouble);
    column_sums(x_MC, sums, false);
    EXPECT_TRUE(sums.equal(x_MC.sum(0))) << rows;
    column_sums(x_MC, sums, true);
    EXPECT_TRUE(sums.equal(2 * x_MC.sum(0))) << rows;
  }
}

void expect_near(const at::Tensor& got, const at::Tensor& wanted) {
  const double eps = got.scalar_type() == at::kBFloat16 ? 0x1p-8 : 1e-6;
  EXPECT_LE((got.to(at::kDouble) - wanted).abs().max().item<double>(),
            eps * wanted.abs().max().item<double>())
      << c10::toString(got.scalar_type());
}

// Goal: the row kernels compute their formulas. Method: LibTorch in float64 on the same values.
TEST(RowKernels, SwigluAndItsGradient) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16, at::kDouble}) {
    const at::Tensor gate_up = numbers({37, 2 * 45}, 1, type).mul_(6),
                     out = at::empty({37, 45}, type);
    const at::Tensor dout = numbers({37, 45}, 2, type);
    const at::Tensor g = exact(gate_up.narrow(1, 0, 45)), d = exact(dout);
    const at::Tensor u = exact(gate_up.narrow(1, 45, 45)), s = g.sigmoid();
    swiglu(gate_up, out);
    expect_near(out, g * s * u);
    swiglu_backward(gate_up, dout);
    expect_near(dout, g * s * u);
    expect_near(gate_up.narrow(1, 0, 45), d * u * s * (1 + g * (1 - s)));
    expect_near(gate_up.narrow(1, 45, 45), d * g * s);
  }
}

TEST(RowKernels, CrossEntropyAndItsGradient) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16, at::kDouble})
    for (const int64_t vocabulary : {2, 31, 100}) {
      const at::Tensor logits = numbers({9, vocabulary}, 1, type).mul_(50);
      const at::Tensor targets = at::arange(9, at::kLong).remainder(vocabulary);
      const at::Tensor losses = at::empty({9}, type == at::kDouble ? at::kDouble : at::kFloat);
      const at::Tensor log_p = exact(logits).log_softmax(1);
      const at::Tensor wanted = -log_p.gather(1, targets.unsqueeze(1)).squeeze(1);
      cross_entropy(logits, targets, losses);
      expect_near(losses, wanted);
      cross_entropy_and_gradient(logits, targets, 0.25, losses);
      expect_near(losses, wanted);
      const at::Tensor chosen =
          at::arange(vocabulary, at::kLong).unsqueeze(0) == targets.unsqueeze(1);
      expect_near(logits, 0.25 * (log_p.exp() - chosen.to(at::kDouble)));
    }
}

TEST(RowKernels, CrossEntropyTellsOfNaN) {
  const at::Tensor logits = at::full({2, 40}, 1.0, at::kFloat), losses = at::empty({2}, at::kFloat);
  logits[1][35] = std::numeric_limits<float>::quiet_NaN();
  cross_entropy(logits, at::full({2}, 3, at::kLong), losses);
  EXPECT_FALSE(std::isnan(losses[0].item<float>()));
  EXPECT_TRUE(std::isnan(losses[1].item<float>()));
}

TEST(RowKernels, NormAndItsGradient) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16, at::kDouble}) {
    const at::ScalarType wide = type == at::kDouble ? type : at::kFloat;
    const at::Tensor h = numbers({13, 70}, 1, wide), dh = numbers({13, 70}, 2, wide);
    const at::Tensor dy = numbers({13, 70}, 3, type), d = exact(dy);
    const Normed normed{at::empty({13, 70}, type), at::empty({13}, wide)};
    normalise(h, 0.01, normed);
    const at::Tensor h_exact = exact(h);
    const at::Tensor scale = (h_exact.pow(2).mean(1, true) + 0.01).rsqrt(), y = h_exact * scale;
    expect_near(normed.y_MC, y);
    expect_near(normed.scale_M, scale.squeeze(1));
    const at::Tensor wanted = exact(dh) + scale * (d - y * (d * y).mean(1, true));
    const at::Tensor narrow = type == wide ? dh : at::empty({13, 70}, type);
    normalise_backward(normed, dy, dh, narrow);
    // y itself was rounded.
    EXPECT_LE((dh.to(at::kDouble) - wanted).abs().max().item<double>(),
              type == at::kBFloat16 ? 0.01 : 1e-5);
    expect_near(narrow, dh.to(at::kDouble));
  }
}

TEST(RowKernels, GiveTheSameBitsOnTwoThreads) {
  const auto one = results(1), two = results(2);
  for (size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(one[i].equal(two[i])) << i;
}

TEST(Rope, TurningBackUndoesTurning) {
  const at::Tensor x = at::linspace(-1, 2, 2 * 5 * 3 * 6, at::kDouble).view({2, 5, 3, 6});
  const at::Tensor turned = x.clone();
  const Rope rope(5, rope_frequencies(6, 100, {}));
  rope.turn(turned, 0);
  EXPECT_GT((turned - x).abs().max().item<double>(), 0.1);
  EXPECT_TRUE(turned.select(1, 0).equal(x.select(1, 0))) << "position 0 is not turned";
  rope.turn_back(turned);
  EXPECT_LT((turned - x).abs().max().item<double>(), 1e-15);
}

// Goal: tables that grow with the positions hold what a table of the whole context holds.
TEST(Rope, GrowsToThePositionsThatAreMet) {
  const at::Tensor x = at::linspace(-1, 2, 1000 * 6, at::kFloat).view({1, 1000, 1, 6});
  const Rope whole(1000, rope_frequencies(6, 100, {})), growing(1000, rope_frequencies(6, 100, {}));
  const at::Tensor wanted = x.clone(), got = x.clone();
  whole.turn(wanted, 0);
  for (const auto& [start, count] : {std::pair{0, 5}, {5, 300}, {305, 1}, {306, 694}})
    growing.turn(got.narrow(1, start, count), start);
  EXPECT_TRUE(got.equal(wanted));
}

// Goal: Llama 3.1's frequencies. Method: factor 8, factors 1 and 4, 8192 tokens, base 500,000,
// heads of 128 channels, as transformers 5 computes them, in float32.
TEST(Rope, HasTheFrequenciesOfLlama3) {
  const auto frequencies = rope_frequencies(128, 500'000, {8, 1, 4, 8192});
  const std::pair<size_t, double> wanted[] = {{0, 1},
                                              {1, 0.814617217},
                                              {20, 0.0165604409},
                                              {28, 0.00321144611},
                                              {29, 0.00216657063},
                                              {30, 0.00137189368},
                                              {31, 0.00085675146},
                                              {33, 0.00031269365},
                                              {34, 0.000178507791},
                                              {35, 9.55621217e-05},
                                              {36, 7.78465546e-05},
                                              {50, 4.41153452e-06},
                                              {63, 3.06892588e-07}};
  for (const auto& [i, value] : wanted) EXPECT_NEAR(frequencies[i], value, 2e-6 * value) << i;
}

}  // namespace
}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
//
// What the options of a step may change, and what not. The gradient itself: gradient_test.cpp.
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <thread>

#include "model/oracle.h"

namespace causeway {
namespace {

class Step : public testing::TestWithParam<std::string> {
 protected:
  Step() {
    Value options;
    options.set("layers", 2);
    options.set("width", 64);
    options.set("heads", 4);
    options.set("kv_heads", 2);
    options.set("context", 24);
    options.set("vocabulary", 100);
    options.set("architecture", GetParam());
    model_ = oracle::make_llama(options);
    placement_ = std::make_shared<Placement>(model_->layout());
    x_ = std::make_unique<Arena>(placement_);
    model_->initialise(3, *x_);
    const std::vector<Tensor>& tensors = model_->layout().tensors();
    for (size_t i = 0; i < tensors.size(); ++i)  // so that attention is not uniform
      if (tensors[i].role != Role::kNorm) (*x_)[i].mul_(3);
    tokens_ = (at::arange(12 * 25, at::kLong).view({12, 25}) * 37 + 11).remainder(100);
  }

  struct Result {
    double loss;
    at::Tensor gradient;
  };
  Result step(const StepOptions& options, int threads = 1) const {
    Result out;
    // A thread of its own, as LibTorch keeps the pool that a thread once had.
    std::thread([&] {
      at::set_num_threads(threads);
      Arena g(placement_);
      out.loss = model_->loss_and_gradient(*x_, tokens_, g, options);
      out.gradient = g.flat().clone();
    }).join();
    at::set_num_threads(1);
    return out;
  }
  /// Relative distance of the gradients.
  static double distance(const Result& a, const Result& b) {
    return ((a.gradient - b.gradient).norm() / b.gradient.norm()).item<double>();
  }

  std::unique_ptr<Model> model_;
  std::shared_ptr<const Placement> placement_;
  std::unique_ptr<Arena> x_;
  at::Tensor tokens_;
};

TEST_P(Step, ThreadsChangeNoBit) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const StepOptions options{type, 4, 48, false};
    const Result one = step(options);
    for (const int threads : {2, 3}) {
      const Result more = step(options, threads);
      EXPECT_EQ(more.loss, one.loss);
      EXPECT_TRUE(more.gradient.equal(one.gradient)) << threads << " threads";
    }
  }
}

TEST_P(Step, RecomputingChangesNoBit) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const Result kept = step({type, 2, 48, false}), again = step({type, 2, 48, true});
    EXPECT_EQ(again.loss, kept.loss);
    EXPECT_TRUE(again.gradient.equal(kept.gradient));
  }
}

TEST_P(Step, LanesAndSlicesChangeRoundingOnly) {
  const Result whole = step({at::kFloat, 1, 1 << 20, false});
  for (const int64_t lanes : {2, 5, 12})
    for (const int64_t micro_tokens : {1, 50, 1000}) {
      const Result parts = step({at::kFloat, lanes, micro_tokens, false});
      EXPECT_NEAR(parts.loss, whole.loss, 1e-6 * whole.loss);
      EXPECT_LE(distance(parts, whole), 2e-6) << lanes << " lanes, slices of " << micro_tokens;
    }
}

// Each part is computed for itself, as another process of a site does. In float64, so that only the
// order of sums differs: some hundred terms, each rounded to 2^-53.
TEST_P(Step, PartsAddUpToTheBatch) {
  Arena x(placement_, at::kDouble), whole(placement_, at::kDouble), part(placement_, at::kDouble);
  x.flat().copy_(x_->flat());
  const double loss = model_->loss_and_gradient(x, tokens_, whole, {});
  for (const int64_t parts : {2, 3, 12}) {
    StepOptions options;
    options.parts = parts;
    const int64_t rows = tokens_.size(0) / parts;
    double sum = 0;
    at::Tensor gradient = at::zeros_like(whole.flat());
    for (int64_t i = 0; i < parts; ++i) {
      sum += model_->loss_and_gradient(x, tokens_.narrow(0, i * rows, rows), part, options);
      gradient += part.flat();
    }
    EXPECT_NEAR(sum, loss, 1e-13 * loss);
    EXPECT_LE(((gradient - whole.flat()).norm() / whole.flat().norm()).item<double>(), 1e-13)
        << parts << " parts";
  }
}

// Goal: bfloat16 is near float32. One rounding is 2^-9; a few dozen of them meet in a gradient.
TEST_P(Step, Bf16IsNearFloat) {
  const Result exact = step({}), rounded = step({at::kBFloat16, 0, 1024, false});
  EXPECT_NEAR(rounded.loss, exact.loss, 2e-3 * exact.loss);
  EXPECT_LE(distance(rounded, exact), 0.03);
  EXPECT_GT(distance(rounded, exact), 1e-4) << "nothing was rounded";
}

INSTANTIATE_TEST_SUITE_P(Kinds, Step, testing::Values("llama", "qwen2", "qwen3"),
                         [](const auto& kind) { return kind.param; });

}  // namespace
}  // namespace causeway

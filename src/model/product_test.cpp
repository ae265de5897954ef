// SPDX-License-Identifier: Apache-2.0
//
// Against products in float64 of the same values.
#include "model/product.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/mm.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "model/test_numbers.h"

namespace causeway {
namespace {

struct ProductSizes {
  int64_t rows, inputs, outputs;
  at::ScalarType type;
};

class Products : public testing::TestWithParam<ProductSizes> {
 protected:
  Products()
      : wide_(type() == at::kDouble ? at::kDouble : at::kFloat),
        y_(numbers({size().rows, size().inputs}, 1, type())),
        dy_(numbers({size().rows, size().outputs}, 2, type())),
        first_(numbers({size().outputs - size().outputs / 3, size().inputs}, 3, wide_)),
        second_(numbers({size().outputs / 3, size().inputs}, 4, wide_)),
        gain_(numbers({size().inputs}, 5, wide_)) {}

  static const ProductSizes& size() { return GetParam(); }
  static at::ScalarType type() { return size().type; }

  /// The folded matrix with the rounding of its type.
  at::Tensor folded() const { return exact((at::cat({first_, second_}) * gain_).to(type())); }
  WeightMatrix packed() {
    std::vector<at::Tensor> parts{first_};
    if (second_.size(0) > 0) parts.push_back(second_);
    return pack_weights(parts, gain_, type(), workspace_);
  }
  /// The most that rounding explains, for sums of so many products of sines, of which the result
  /// was rounded to the type or not.
  void expect_near(const at::Tensor& got, const at::Tensor& wanted, int64_t terms,
                   bool rounded) const {
    const double most = wanted.abs().max().item<double>();
    const double sum = type() == at::kDouble ? 1e-12 : 3e-6 * std::sqrt(static_cast<double>(terms));
    const double result = rounded && type() == at::kBFloat16 ? 0x1p-8 * most : 0;
    EXPECT_LE((exact(got) - wanted).abs().max().item<double>(), sum + result);
    EXPECT_GT(most, 0.1);
  }

  at::ScalarType wide_;
  at::Tensor y_, dy_, first_, second_, gain_;
  Workspace workspace_;
};

TEST_P(Products, AreThoseOfFloat64) {
  const WeightMatrix w = packed();
  const at::Tensor out = at::empty({size().rows, size().outputs}, y_.options());
  product(y_, w, out);
  expect_near(out, at::mm(exact(y_), folded().t()), size().inputs, true);

  const at::Tensor h = numbers(out.sizes(), 6, wide_), before = exact(h);
  add_product(y_, w, h);
  expect_near(h, before + at::mm(exact(y_), folded().t()), size().inputs, !w.small);

  const at::Tensor dx = at::empty(y_.sizes(), y_.options());
  product_backward(dy_, w, dx);
  expect_near(dx, at::mm(exact(dy_), folded()), size().outputs, true);
}

TEST_P(Products, OuterProductsAreSetOrAdded) {
  const at::Tensor sum = at::full({size().inputs, size().outputs}, 1e30, wide_);
  const at::Tensor wanted = at::mm(exact(y_).t(), exact(dy_));
  const bool rounds = !has_small_products(type());
  add_outer_product(y_, dy_, false, sum);
  expect_near(sum, wanted, size().rows, rounds);
  add_outer_product(y_, dy_, true, sum);
  expect_near(sum, 2 * wanted, 4 * size().rows, rounds);
}

TEST_P(Products, GiveTheSameBitsOnTwoThreads) {
  if (!has_small_products(type())) return;  // LibTorch promises no such thing
  const WeightMatrix w = packed();
  std::vector<at::Tensor> results;
  for (const int threads : {1, 2}) {
    at::set_num_threads(threads);
    results.push_back(at::empty({size().rows, size().outputs}, y_.options()));
    product(y_, w, results.back());
    results.push_back(at::empty({size().inputs, size().outputs}, first_.options()));
    add_outer_product(y_, dy_, false, results.back());
  }
  at::set_num_threads(1);
  EXPECT_TRUE(results[0].equal(results[2]));
  EXPECT_TRUE(results[1].equal(results[3]));
}

// Sizes about the tiles' edges; odd ones, which bfloat16's pairs do not fit; one more than a depth.
INSTANTIATE_TEST_SUITE_P(
    Sizes, Products,
    testing::Values(ProductSizes{1, 2, 3, at::kFloat}, ProductSizes{64, 64, 64, at::kFloat},
                    ProductSizes{65, 63, 130, at::kFloat}, ProductSizes{300, 31, 70, at::kFloat},
                    ProductSizes{129, 600, 66, at::kFloat}, ProductSizes{64, 64, 64, at::kBFloat16},
                    ProductSizes{65, 62, 130, at::kBFloat16},
                    ProductSizes{301, 30, 70, at::kBFloat16}, ProductSizes{1, 4, 6, at::kBFloat16},
                    ProductSizes{67, 33, 40, at::kBFloat16},
                    ProductSizes{40, 48, 35, at::kBFloat16},
                    ProductSizes{257, 128, 352, at::kBFloat16},
                    ProductSizes{20, 7, 9, at::kDouble}),
    [](const auto& sizes) {
      return std::string(c10::toString(sizes.param.type)) + std::to_string(sizes.param.rows) + "x" +
             std::to_string(sizes.param.inputs) + "x" + std::to_string(sizes.param.outputs);
    });

// A matrix that needs no change is not copied where the kernel reads it as it is.
TEST(PackWeights, RefersToWhatItDoesNotChange) {
  Workspace workspace;
  const at::Tensor w = numbers({64, 32}, 1, at::kFloat);
  const WeightMatrix packed = pack_weights(std::span(&w, 1), {}, at::kFloat, workspace);
  EXPECT_EQ(packed.backward.data_ptr(), w.data_ptr());
  EXPECT_EQ(workspace.bytes_most(), packed_bytes(64, 32, false, at::kFloat));
}

}  // namespace
}  // namespace causeway

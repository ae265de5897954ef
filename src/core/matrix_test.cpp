// SPDX-License-Identifier: Apache-2.0
#include "core/matrix.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "core/random.h"

namespace causeway {
namespace {

std::vector<float> numbers(int64_t count, uint32_t index) {
  const Random random(7, Stream::kWeights, index);
  std::vector<float> out;
  for (int64_t i = 0; i < count; ++i)
    out.push_back(static_cast<float>(random.normal(static_cast<uint64_t>(i))));
  return out;
}

/// The stated sum: from the left, in `Number`.
template <class Number>
std::vector<float> by_hand(const MatrixView& a, const MatrixView& b) {
  std::vector<float> out;
  for (int64_t i = 0; i < a.rows(); ++i)
    for (int64_t j = 0; j < b.columns(); ++j) {
      Number sum = 0;
      for (int64_t k = 0; k < a.columns(); ++k)
        sum += static_cast<Number>(a(i, k)) * static_cast<Number>(b(k, j));
      out.push_back(static_cast<float>(sum));
    }
  return out;
}

// Every edge of a tile and of a panel, and every way round.
TEST(Matrix, ProductsHaveTheStatedBits) {
  for (const auto& [p, q, r] : {std::array<int64_t, 3>{1, 1, 1},
                                {3, 7, 5},
                                {4, 16, 8},
                                {5, 33, 17},
                                {9, 2, 131},
                                {12, 0, 3},
                                {66, 40, 300}}) {
    SCOPED_TRACE(testing::Message() << p << " x " << q << " x " << r);
    const auto left = numbers(p * q, 1), right = numbers(q * r, 2);
    for (const bool turn_left : {false, true})
      for (const bool turn_right : {false, true}) {
        const MatrixView a =
            turn_left ? MatrixView(left, q, p).transposed() : MatrixView(left, p, q);
        const MatrixView b =
            turn_right ? MatrixView(right, r, q).transposed() : MatrixView(right, q, r);
        std::vector<float> out(static_cast<size_t>(p * r), 9), single = out;
        multiply(a, b, out);
        EXPECT_EQ(out, by_hand<double>(a, b));
        multiply(a, b, single, Sum::kFloat);
        EXPECT_EQ(single, by_hand<float>(a, b));
        std::vector<double> wide(out.size());
        multiply(a, b, wide);
        EXPECT_EQ(std::vector<float>(wide.begin(), wide.end()), out);
      }
  }
}

TEST(Matrix, LeavesWhatIsBehindTheProduct) {
  const std::vector<float> one{2, 3, 4};
  std::vector<float> out{5, 6};
  multiply({one, 1, 1}, {one, 1, 1}, out);
  EXPECT_EQ(out, (std::vector<float>{4, 6}));
}

}  // namespace
}  // namespace causeway

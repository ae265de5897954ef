// SPDX-License-Identifier: Apache-2.0
#include "kernel/moves.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/random.h"

namespace causeway {
namespace {

std::vector<float> numbers(int64_t count) {
  const Random random(5, Stream::kSample, 0);
  std::vector<float> out(static_cast<size_t>(count));
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(random.normal(i));
  return out;
}

// Sizes about the blocks' edges, with strides of their own.
TEST(Moves, TransposeMovesEveryValueAndNoOther) {
  for (const int64_t rows : {1, 15, 16, 17, 50})
    for (const int64_t columns : {1, 16, 33, 64}) {
      const auto source = numbers(rows * (columns + 3));
      std::vector<float> target(static_cast<size_t>(columns * (rows + 5)), 7.0f), wanted = target;
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < columns; ++c)
          wanted[static_cast<size_t>(c * (rows + 5) + r)] =
              source[static_cast<size_t>(r * (columns + 3) + c)];
      transpose(source.data(), columns + 3, rows, columns, target.data(), rows + 5);
      EXPECT_EQ(target, wanted) << rows << " x " << columns;
    }
}

std::vector<Bf16> rounded(const std::vector<float>& values) {
  std::vector<Bf16> out;
  for (const float value : values) out.emplace_back(value);
  return out;
}

// Rows of 3 values more than are moved; an odd number of them is filled up with zeros.
TEST(Moves, InterleavePairsRows) {
  for (const int64_t rows : {1, 2, 5, 16})
    for (const int64_t columns : {1, 31, 32, 33, 100}) {
      const auto source = rounded(numbers(rows * (columns + 3)));
      const int64_t stride = 2 * columns + 1;
      std::vector<Bf16> target(static_cast<size_t>((rows + 1) / 2 * stride), Bf16(9.0f));
      interleave(source.data(), columns + 3, rows, columns, target.data(), stride);
      for (int64_t row = 0; row < rows + rows % 2; ++row) {
        const Bf16* pairs = target.data() + row / 2 * stride + row % 2;
        for (int64_t c = 0; c < columns; ++c) {
          const uint16_t wanted =
              row < rows ? source[static_cast<size_t>(row * (columns + 3) + c)].bits : 0;
          ASSERT_EQ(pairs[2 * c].bits, wanted) << row << ", " << c << " of " << rows;
        }
        EXPECT_EQ(target[static_cast<size_t>((row / 2 + 1) * stride - 1)].bits, Bf16(9.0f).bits);
      }
    }
}

TEST(Moves, RoundsRowsAsBf16Does) {
  for (const int64_t columns : {1, 32, 100}) {
    const auto source = numbers(3 * (columns + 2));
    std::vector<Bf16> target(static_cast<size_t>(3 * (columns + 1)), Bf16(9.0f));
    round_rows(source.data(), columns + 2, 3, columns, target.data(), columns + 1);
    for (int64_t row = 0; row < 3; ++row) {
      for (int64_t c = 0; c < columns; ++c)
        EXPECT_EQ(target[static_cast<size_t>(row * (columns + 1) + c)].bits,
                  Bf16(source[static_cast<size_t>(row * (columns + 2) + c)]).bits);
      EXPECT_EQ(target[static_cast<size_t>((row + 1) * (columns + 1) - 1)].bits, Bf16(9.0f).bits);
    }
  }
}

}  // namespace
}  // namespace causeway

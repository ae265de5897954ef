// SPDX-License-Identifier: Apache-2.0
#include "model/moves.h"

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

TEST(Moves, InterleavePairsTwoRows) {
  for (const int64_t count : {1, 31, 32, 33, 100}) {
    std::vector<Bf16> first, second, out(static_cast<size_t>(2 * count + 1));
    for (const float value : numbers(count)) {
      first.emplace_back(value);
      second.emplace_back(2 * value);
    }
    out.back().bits = 99;
    interleave(first.data(), second.data(), count, out.data());
    for (size_t i = 0; i < first.size(); ++i) {
      EXPECT_EQ(out[2 * i].bits, first[i].bits);
      EXPECT_EQ(out[2 * i + 1].bits, second[i].bits);
    }
    interleave(first.data(), nullptr, count, out.data());
    for (size_t i = 0; i < first.size(); ++i) EXPECT_EQ(out[2 * i + 1].bits, 0);
    EXPECT_EQ(out.back().bits, 99) << "one value too many";
  }
}

TEST(Moves, RoundsAsBf16Does) {
  for (const int64_t count : {1, 32, 100}) {
    const auto source = numbers(count);
    std::vector<Bf16> out(source.size());
    round_to_bf16(source.data(), count, out.data());
    for (size_t i = 0; i < source.size(); ++i) EXPECT_EQ(out[i].bits, Bf16(source[i]).bits);
  }
}

}  // namespace
}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
//
// Products of small matrices, and the packing of their factors, for the attention kernel.
//
// A factor is an array of 32-bit words that each hold Machine::kDepth values which are adjacent in
// the direction of summation: one float32, or a pair of bfloat16 whose products one instruction
// sums in float32. So one loop serves both. The left factor is read word by word and broadcast;
// the right one is read in vectors.
#pragma once

#include "kernel/attention_head.h"
#include "kernel/attention_lanes.h"

namespace causeway {

/// Of a score that the mask hides. Less than any score, and finite, so that differences are.
inline constexpr float kHidden = -1e30f;

/// A left factor: the word of row r at depth k is words[r * row + k * step].
struct Left {
  const uint32_t* words;
  int64_t row, step;
};

/// sum[r][v] += left[r][k] right[k][v] for all k < depth, which stays in registers.
template <class M, int Rows, int Vectors>
[[gnu::always_inline]] inline void multiply(Left left, const uint32_t* right, int64_t right_row,
                                            int64_t depth,
                                            typename M::Floats (&sum)[Rows][Vectors]) {
  for (int64_t k = 0; k < depth; ++k) {
    typename M::Floats x[Vectors];
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) x[v] = M::load(right + k * right_row + v * M::kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) {
      const auto factor = M::broadcast_word(left.words[r * left.row + k * left.step]);
#pragma GCC unroll 8
      for (int v = 0; v < Vectors; ++v) sum[r][v] = M::add_products(factor, x[v], sum[r][v]);
    }
  }
}

/// Rows of float32 sums; fresh ones hold nothing yet.
struct Sums {
  float* values;
  int64_t row;
  bool fresh;
};

template <class M, int Rows, int Vectors>
void add_block(Left left, const uint32_t* right, int64_t right_row, int64_t depth, Sums sums) {
  typename M::Floats sum[Rows][Vectors] = {};
  if (!sums.fresh) {
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
      for (int v = 0; v < Vectors; ++v)
        sum[r][v] = M::load(sums.values + r * sums.row + v * M::kLanes);
  }
  multiply<M>(left, right, right_row, depth, sum);
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v)
      M::store(sums.values + r * sums.row + v * M::kLanes, sum[r][v]);
}

/// Adds the product of Rows rows of `left` and `vectors` vectors' width of `right` to `sums`.
template <class M>
void add_product(Left left, const uint32_t* right, int64_t right_row, int64_t depth, Sums sums,
                 int64_t vectors) {
  for (int64_t done = 0; done < vectors;) {
    int64_t count = vectors - done;
    if (count > M::kVectors) count = count < 2 * M::kVectors ? (count + 1) / 2 : M::kVectors;
    const uint32_t* x = right + done * M::kLanes;
    const Sums sum{sums.values + done * M::kLanes, sums.row, sums.fresh};
    if (count == 1) add_block<M, M::kRows, 1>(left, x, right_row, depth, sum);
    if (count == 2) add_block<M, M::kRows, 2>(left, x, right_row, depth, sum);
    if constexpr (M::kVectors >= 3)
      if (count == 3) add_block<M, M::kRows, 3>(left, x, right_row, depth, sum);
    if constexpr (M::kVectors >= 4)
      if (count == 4) {
        constexpr int kHalf = M::kRows / 2;
        const Left lower{left.words + kHalf * left.row, left.row, left.step};
        add_block<M, kHalf, 4>(left, x, right_row, depth, sum);
        add_block<M, kHalf, 4>(lower, x, right_row, depth,
                               {sum.values + kHalf * sum.row, sum.row, sum.fresh});
      }
    done += count;
  }
}

/// Hides the scores of keys from queries before them: the first row's key is `ahead` positions
/// after the first lane's query.
template <class M, int Rows, int Vectors>
[[gnu::always_inline]] inline void hide_later(int64_t ahead,
                                              typename M::Floats (&scores)[Rows][Vectors]) {
  if (ahead + Rows <= 1) return;
  const auto lane = M::lanes_from(ahead);
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v)
      scores[r][v] =
          lane < r - v * static_cast<int>(M::kLanes) ? M::broadcast(kHidden) : scores[r][v];
}

/// `count` lanes if the vector has more, whole otherwise.
template <class M, class T>
[[gnu::always_inline]] inline typename M::Floats load_some(const T* from, int64_t count) {
  return count >= M::kLanes ? M::load(from) : M::load_part(from, count);
}
template <class M, class T>
[[gnu::always_inline]] inline void store_some(T* to, typename M::Floats x, int64_t count) {
  if (count >= M::kLanes) return M::store(to, x);
  M::store_part(to, x, count);
}

/// [T, D] as left factor for sums over D. Rows up to `rows` are zero.
template <class M, class Value>
void pack_rows(Head<const Value> x, int64_t rows, uint32_t* to) {
  const int64_t words = x.width / M::kDepth;
  for (int64_t t = 0; t < x.time; ++t)
    for (int64_t k = 0; k < words; k += M::kLanes)
      store_some<M>(to + t * words + k, M::words(x.at(t) + k * M::kDepth, words - k), words - k);
  std::memset(to + x.time * words, 0, sizeof(uint32_t) * (rows - x.time) * words);
}

/// [T, D] as right factor for sums over T, of `row` words a row.
template <class M, class Value>
void pack_across(Head<const Value> x, int64_t rows, int64_t row, uint32_t* to) {
  for (int64_t t = 0; t < rows; t += M::kDepth, to += row)
    for (int64_t d = 0; d < x.width; d += M::kLanes) {
      const Value* here[M::kDepth];
      for (int64_t i = 0; i < M::kDepth; ++i) here[i] = t + i < x.time ? x.at(t + i) + d : nullptr;
      M::store(to + d, M::across(here, x.width - d));
    }
}

/// [D, T] as right factor for sums over D, in panels [D, 2 kLanes].
template <class M, class Value>
void pack_columns(Head<const Value> x, int64_t rows, uint32_t* to) {
  constexpr int64_t kPanel = 2 * M::kLanes;
  const int64_t words = x.width / M::kDepth;
  for (int64_t t = 0; t < rows; t += M::kLanes) {
    uint32_t* panel = to + t / kPanel * kPanel * words + t % kPanel;
    for (int64_t k = 0; k < words; k += M::kLanes) {
      typename M::Floats block[M::kLanes];
      for (int64_t i = 0; i < M::kLanes; ++i)
        block[i] = t + i < x.time ? M::words(x.at(t + i) + k * M::kDepth, words - k)
                                  : typename M::Floats{};
      M::transpose(block);
      for (int64_t i = 0; i < M::kLanes && k + i < words; ++i)
        M::store(panel + (k + i) * kPanel, block[i]);
    }
  }
}

/// Rounds a row of float32 sums, times `factor`.
template <class M, class Value>
void write_row(const float* sums, float factor, Value* to, int64_t width) {
  for (int64_t d = 0; d < width; d += M::kLanes)
    store_some<M>(to + d, M::load(sums + d) * M::broadcast(factor), width - d);
}

}  // namespace causeway

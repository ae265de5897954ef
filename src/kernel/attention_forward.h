// SPDX-License-Identifier: Apache-2.0
//
// T time, N query heads, H all heads, D head width.
#pragma once

#include "kernel/attention_geometry.h"

namespace causeway {

/// The scores of Rows keys and Vectors vectors of queries, of which the first `hidden` + row are
/// masked, and their maxima.
template <class M, int Vectors>
void score_block(Left keys, const uint32_t* queries, int64_t words, int64_t hidden,
                 uint32_t* scores, typename M::Floats* top) {
  constexpr int64_t kPanel = 2 * M::kLanes;
  typename M::Floats sum[M::kRows][Vectors] = {};
  multiply<M>(keys, queries, kPanel, words, sum);
  hide_later<M>(hidden, sum);
#pragma GCC unroll 8
  for (int v = 0; v < Vectors; ++v)
#pragma GCC unroll 8
    for (int r = 0; r < M::kRows; ++r) {
      top[v] = M::max(top[v], sum[r][v]);
      M::store(scores + r * kPanel + v * M::kLanes, sum[r][v]);
    }
}

/// Turns a vector's width of scores into weights 2^(scale score - shift), in place, in words as for
/// a left factor; returns their sum.
template <class M>
typename M::Floats weigh(uint32_t* scores, int64_t rows, typename M::Floats scale,
                         typename M::Floats shift) {
  constexpr int64_t kPanel = 2 * M::kLanes;
  constexpr int kTogether = 4;
  typename M::Floats sum[kTogether] = {};
  for (int64_t r = 0; r < rows; r += kTogether) {
    typename M::Floats weight[kTogether / M::kDepth][M::kDepth];
#pragma GCC unroll 4
    for (int i = 0; i < kTogether; ++i) {
      typename M::Floats& x = weight[i / M::kDepth][i % M::kDepth];
      x = M::template exp2<M::kDegree>(
          M::multiply_add(M::load(scores + (r + i) * kPanel), scale, typename M::Floats{} - shift));
      sum[i] += x;
    }
#pragma GCC unroll 4
    for (int i = 0; i < kTogether / M::kDepth; ++i)
      M::store_across(scores + (r / M::kDepth + i) * kPanel, weight[i]);
  }
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/// The forward pass for the queries of one panel.
template <class M>
struct ForwardPanel {
  using Floats = typename M::Floats;
  static constexpr int64_t kLanes = M::kLanes, kPanel = 2 * kLanes;

  const Geometry<M>& geometry;
  const AttentionScratch& scratch;
  Ahead& ahead;
  int64_t query;  ///< the first
  Floats top[2], sum[2];

  /// The scores of `count` keys from `key` on; raises `top`.
  void score(int64_t key, int64_t count) {
    const int64_t words = geometry.words;
    const uint32_t* queries = scratch.query_columns + query * words;
    for (int64_t r = 0; r < count; r += M::kRows) {
      const Left keys{scratch.key_rows + (key + r) * words, words, 1};
      const int64_t hidden = key + r - query;
      ahead.fetch(geometry.ahead);
      uint32_t* scores = scratch.weights + r * kPanel;
      if (hidden < kLanes)
        score_block<M, 2>(keys, queries, words, hidden, scores, top);
      else
        score_block<M, 1>(keys, queries + kLanes, words, hidden - kLanes, scores + kLanes, top + 1);
    }
  }

  /// Scales what was summed with the maxima `before`.
  void rescale(const Floats (&before)[2]) {
    float factor[kPanel];
    for (int v = 0; v < 2; ++v) {
      const Floats x =
          M::template exp2<M::kDegree>((before[v] - top[v]) * M::broadcast(geometry.scale_log2));
      sum[v] *= x;
      M::store(factor + v * kLanes, x);
    }
    for (int64_t i = 0; i < kPanel; ++i)
      for (int64_t d = 0; d < geometry.row; d += kLanes) {
        float* out = scratch.out + i * geometry.row + d;
        M::store(out, M::load(out) * M::broadcast(factor[i]));
      }
  }

  /// Adds the values of `count` keys from `key` on, weighed.
  void add(int64_t key, int64_t count) {
    const Floats scale = M::broadcast(geometry.scale_log2);
    for (int64_t v = 0; v < 2; ++v) {
      const int64_t last = query + (v + 1) * kLanes - key;
      sum[v] += weigh<M>(scratch.weights + v * kLanes, last < count ? last : count, scale,
                         top[v] * scale);
    }
    const uint32_t* values = scratch.value_across + key / M::kDepth * geometry.row;
    for (int64_t i = 0; i < kPanel; i += M::kRows) {
      const int64_t last = query + i + M::kRows - key;
      add_product<M>({scratch.weights + i, 1, kPanel}, values, geometry.row,
                     (last < count ? last : count) / M::kDepth,
                     {scratch.out + i * geometry.row, geometry.row, key == 0}, geometry.vectors);
    }
  }

  void run() {
    for (int v = 0; v < 2; ++v) {
      top[v] = M::broadcast(kHidden);
      sum[v] = Floats{};
    }
    for (int64_t key = 0; key < query + kPanel; key += AttentionScratch::kForwardKeys) {
      const int64_t left = query + kPanel - key;
      const int64_t count =
          left < AttentionScratch::kForwardKeys ? left : AttentionScratch::kForwardKeys;
      const Floats before[2] = {top[0], top[1]};
      score(key, count);
      if (key > 0) rescale(before);
      add(key, count);
    }
  }

  template <class Value>
  void write(Head<Value> out, float* log_sum) {
    float shifts[kPanel], sums[kPanel];
    for (int v = 0; v < 2; ++v) {
      M::store(shifts + v * kLanes, top[v] * M::broadcast(geometry.scale_log2));
      M::store(sums + v * kLanes, sum[v]);
    }
    for (int64_t i = 0; i < kPanel && query + i < out.time; ++i) {
      write_row<M>(scratch.out + i * geometry.row, 1 / sums[i], out.at(query + i), out.width);
      // Of the shift as rounded, which the sum is relative to.
      log_sum[query + i] = static_cast<float>(shifts[i] * kLog2 + std::log(sums[i]));
    }
  }
};

template <class M, class Value>
void forward_pass(const AttentionSizes& sizes, const Value* heads_THD, Value* out_TND,
                  float* log_sum_NT, std::byte* memory) {
  Carver carver{memory};
  const AttentionScratch scratch(sizes, carver);
  const Geometry<M> geometry(sizes);
  for (int64_t g = 0; g < sizes.kv_heads; ++g) {
    const auto key = head_of(sizes, heads_THD, geometry.all, sizes.heads + g);
    const auto value = head_of(sizes, heads_THD, geometry.all, sizes.heads + sizes.kv_heads + g);
    pack_rows<M>(key, geometry.time, scratch.key_rows);
    pack_across<M>(value, geometry.time, geometry.row, scratch.value_across);
    for (int64_t n = g * geometry.group; n < (g + 1) * geometry.group; ++n) {
      const auto query = head_of(sizes, heads_THD, geometry.all, n);
      Ahead ahead;
      ahead.add_next(query, n, sizes.heads, geometry.all);
      if ((n + 1) % geometry.group == 0)
        for (const auto& head : {key, value}) ahead.add_next(head, g, sizes.kv_heads, geometry.all);
      pack_columns<M>(query, geometry.time, scratch.query_columns);
      for (int64_t t = 0; t < sizes.time; t += 2 * M::kLanes) {
        ForwardPanel<M> panel{geometry, scratch, ahead, t, {}, {}};
        panel.run();
        panel.write(head_of(sizes, out_TND, sizes.heads, n), log_sum_NT + n * sizes.time);
      }
    }
  }
}

}  // namespace causeway

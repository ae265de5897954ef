// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/attention_passes.h"

namespace causeway {

/// The backward pass of one query head.
template <class M>
struct BackwardHead {
  using Floats = typename M::Floats;
  static constexpr int64_t kLanes = M::kLanes, kPanel = 2 * kLanes;
  static constexpr int64_t kKeys = AttentionScratch::kBackwardKeys;
  static constexpr int64_t kQueries = AttentionScratch::kBackwardQueries;
  /// A row of weights, whose odd number of cache lines spreads a column over the cache's sets.
  static constexpr int64_t kRow = kQueries / M::kDepth + kLanesMax;

  const Geometry<M>& geometry;
  const AttentionScratch& scratch;

  /// Weights P and slopes dS = P (dP - delta) of kRows keys from `key` on and kVectors vectors of
  /// queries from `query` on; the tile's first are `first_key` and `first_query`.
  template <int kVectors>
  void slope_block(int64_t key, int64_t query, int64_t first_key, int64_t first_query) const {
    const int64_t words = geometry.words;
    const int64_t columns = query / kPanel * kPanel * words + query % kPanel;
    const int64_t along = (key - first_key) * kRow + (query - first_query) / M::kDepth;
    const Floats scale = M::broadcast(geometry.scale * kLog2E);
    Floats weight[M::kRows][kVectors] = {};
    multiply<M>({scratch.key_rows + key * words, words, 1}, scratch.query_columns + columns, kPanel,
                words, weight);
    const int64_t hidden = key - query;
    if (hidden + M::kRows > 1)
      for (int r = 0; r < M::kRows; ++r)
        for (int v = 0; v < kVectors; ++v)
          weight[r][v] = M::hide_before(weight[r][v], hidden + r - v * kLanes, kHidden);
#pragma GCC unroll 8
    for (int r = 0; r < M::kRows; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v)
        weight[r][v] = M::template exp2<M::kDegree>(M::multiply_add(
            weight[r][v], scale, Floats{} - M::load(scratch.log_sum + query + v * kLanes)));
      M::store_along(scratch.weights + along + r * kRow, weight[r]);
    }
    Floats slope[M::kRows][kVectors] = {};
    multiply<M>({scratch.value_rows + key * words, words, 1}, scratch.dout_columns + columns,
                kPanel, words, slope);
#pragma GCC unroll 8
    for (int r = 0; r < M::kRows; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v)
        slope[r][v] = weight[r][v] * (slope[r][v] - M::load(scratch.delta + query + v * kLanes));
      M::store_along(scratch.slopes + along + r * kRow, slope[r]);
    }
    if constexpr (M::kDepth > 1)
      store_across(slope, scratch.slopes_across + (key - first_key) / M::kDepth * kQueries + query -
                              first_query);
  }

  template <int kVectors>
  static void store_across(const Floats (&slope)[M::kRows][kVectors], uint32_t* to) {
#pragma GCC unroll 8
    for (int r = 0; r < M::kRows; r += M::kDepth)
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        Floats rows[M::kDepth];
        for (int i = 0; i < M::kDepth; ++i) rows[i] = slope[r + i][v];
        M::store_across(to + r / M::kDepth * kQueries + v * kLanes, rows);
      }
  }

  void slopes(int64_t key, int64_t keys, int64_t query, int64_t queries) const {
    for (int64_t q = query; q < query + queries; q += kPanel)
      for (int64_t k = key; k < key + keys && k < q + kPanel; k += M::kRows) {
        if (k < q + kLanes)
          slope_block<2>(k, q, key, query);
        else
          slope_block<1>(k, q + kLanes, key, query);
      }
  }

  /// dv += P^T do, dk += dS^T q of `keys` keys.
  void add_keys(int64_t key, int64_t keys, int64_t query, int64_t queries) const {
    const int64_t row = geometry.row;
    for (int64_t k = 0; k < keys; k += M::kRows) {
      // Queries of the vectors that hold no earlier one.
      const int64_t ahead = (key + k - query) / kLanes * kLanes;
      const int64_t skipped = ahead > 0 ? ahead : 0;
      if (skipped >= queries) break;
      const int64_t depth = (queries - skipped) / M::kDepth;
      const int64_t from = k * kRow + skipped / M::kDepth;
      const int64_t across = (query + skipped) / M::kDepth * row;
      add_product<M>({scratch.weights + from, kRow, 1}, scratch.dout_across + across, row, depth,
                     scratch.dvalue + (key + k) * row, row, geometry.vectors);
      add_product<M>({scratch.slopes + from, kRow, 1}, scratch.query_across + across, row, depth,
                     scratch.dkey + (key + k) * row, row, geometry.vectors);
    }
  }

  /// dq += dS k of `queries` queries.
  void add_queries(int64_t key, int64_t keys, int64_t query, int64_t queries) const {
    const int64_t row = geometry.row;
    const uint32_t* across = scratch.key_across + key / M::kDepth * row;
    const uint32_t* slopes = M::kDepth > 1 ? scratch.slopes_across : scratch.slopes;
    for (int64_t q = 0; q < queries; q += M::kRows) {
      const int64_t seen = query + q + M::kRows - key;
      add_product<M>({slopes + q, 1, M::kDepth > 1 ? kQueries : kRow}, across, row,
                     (seen < keys ? seen : keys) / M::kDepth, scratch.dquery + (query + q) * row,
                     row, geometry.vectors);
    }
  }

  void run() const {
    std::memset(scratch.dquery, 0, sizeof(float) * geometry.time * geometry.row);
    for (int64_t key = 0; key < geometry.time; key += kKeys) {
      const int64_t keys = geometry.time - key < kKeys ? geometry.time - key : kKeys;
      for (int64_t query = key; query < geometry.time; query += kQueries) {
        const int64_t left = geometry.time - query;
        const int64_t queries = left < kQueries ? left : kQueries;
        slopes(key, keys, query, queries);
        add_keys(key, keys, query, queries);
        add_queries(key, keys, query, queries);
      }
    }
  }
};

/// delta[t] = sum over d of dout[t][d] out[t][d]; 0 up to `rows`.
template <class M, class Value>
void output_products(Head<const Value> out, Head<const Value> dout, int64_t rows, float* delta) {
  for (int64_t t = 0; t < rows; t += M::kLanes) {
    typename M::Floats sum[M::kLanes] = {};
    for (int64_t i = 0; i < M::kLanes && t + i < out.time; ++i)
      for (int64_t d = 0; d < out.width; d += M::kLanes)
        sum[i] = M::multiply_add(load_some<M>(out.at(t + i) + d, out.width - d),
                                 load_some<M>(dout.at(t + i) + d, out.width - d), sum[i]);
    M::transpose(sum);
    for (int width = M::kLanes / 2; width > 0; width /= 2)
      for (int i = 0; i < width; ++i) sum[i] += sum[i + width];
    M::store(delta + t, sum[0]);
  }
}

template <class M, class Value>
void write_head(const float* sums, int64_t row, float factor, Head<Value> to) {
  for (int64_t t = 0; t < to.time; ++t) write_row<M>(sums + t * row, factor, to.at(t), to.width);
}

template <class M, class Value>
void backward_pass(const AttentionSizes& sizes, const Value* heads_THD, const Value* out_TND,
                   const Value* dout_TND, const float* log_sum_NT, Value* dheads_THD,
                   std::byte* memory) {
  Carver carver{memory};
  const AttentionScratch scratch(sizes, carver);
  const Geometry<M> geometry(sizes);
  const int64_t time = geometry.time, row = geometry.row;
  const auto head = [&](auto* values, int64_t index) {
    return head_of(sizes, values, geometry.heads_all, index);
  };
  for (int64_t g = 0; g < sizes.kv_heads; ++g) {
    const int64_t key = sizes.heads + g, value = key + sizes.kv_heads;
    pack_rows<M>(head(heads_THD, key), time, scratch.key_rows);
    pack_across<M>(head(heads_THD, key), time, row, scratch.key_across);
    pack_rows<M>(head(heads_THD, value), time, scratch.value_rows);
    std::memset(scratch.dkey, 0, sizeof(float) * time * row);
    std::memset(scratch.dvalue, 0, sizeof(float) * time * row);
    for (int64_t n = g * geometry.group; n < (g + 1) * geometry.group; ++n) {
      const Head<const Value> dout = head_of(sizes, dout_TND, sizes.heads, n);
      pack_columns<M>(head(heads_THD, n), time, scratch.query_columns);
      pack_across<M>(head(heads_THD, n), time, row, scratch.query_across);
      pack_columns<M>(dout, time, scratch.dout_columns);
      pack_across<M>(dout, time, row, scratch.dout_across);
      output_products<M>(head_of(sizes, out_TND, sizes.heads, n), dout, time, scratch.delta);
      for (int64_t t = 0; t < time; ++t)
        scratch.log_sum[t] = t < sizes.time ? log_sum_NT[n * sizes.time + t] * kLog2E : 0;
      BackwardHead<M>{geometry, scratch}.run();
      write_head<M>(scratch.dquery, row, geometry.scale, head(dheads_THD, n));
    }
    write_head<M>(scratch.dkey, row, geometry.scale, head(dheads_THD, key));
    write_head<M>(scratch.dvalue, row, 1, head(dheads_THD, value));
  }
}

}  // namespace causeway

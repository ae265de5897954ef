// SPDX-License-Identifier: Apache-2.0
//
// T time, N query heads, H all heads, D head width.
#pragma once

#include "kernel/attention_geometry.h"

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
  Ahead& ahead;
  bool first_of_group;

  /// Weights P and slopes dS = P (dP - delta) of Rows keys from `key` on and Vectors vectors of
  /// queries from `query` on; the tile's first are `first_key` and `first_query`.
  template <int Vectors>
  void slope_block(int64_t key, int64_t query, int64_t first_key, int64_t first_query) const {
    const int64_t words = geometry.words;
    const int64_t columns = query / kPanel * kPanel * words + query % kPanel;
    const int64_t along = (key - first_key) * kRow + (query - first_query) / M::kDepth;
    const Floats scale = M::broadcast(geometry.scale);
    Floats weight[M::kRows][Vectors] = {};
    multiply<M>({scratch.key_rows + key * words, words, 1}, scratch.query_columns + columns, kPanel,
                words, weight);
    hide_later<M>(key - query, weight);
#pragma GCC unroll 8
    for (int r = 0; r < M::kRows; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < Vectors; ++v)
        weight[r][v] = M::template exp2<M::kDegree>(
            M::multiply_add(weight[r][v], scale,
                            Floats{} - M::load(scratch.log_sum + query + v * kLanes)) *
            M::broadcast(kLog2E));
      M::store_along(scratch.weights + along + r * kRow, weight[r]);
    }
    Floats slope[M::kRows][Vectors] = {};
    multiply<M>({scratch.value_rows + key * words, words, 1}, scratch.dout_columns + columns,
                kPanel, words, slope);
#pragma GCC unroll 8
    for (int r = 0; r < M::kRows; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < Vectors; ++v)
        slope[r][v] = weight[r][v] * (slope[r][v] - M::load(scratch.delta + query + v * kLanes));
      M::store_along(scratch.slopes + along + r * kRow, slope[r]);
    }
    if constexpr (M::kDepth > 1)
      store_across(slope, scratch.slopes_across + (key - first_key) / M::kDepth * kQueries + query -
                              first_query);
  }

  template <int Vectors>
  static void store_across(const Floats (&slope)[M::kRows][Vectors], uint32_t* to) {
#pragma GCC unroll 8
    for (int r = 0; r < M::kRows; r += M::kDepth)
#pragma GCC unroll 8
      for (int v = 0; v < Vectors; ++v) {
        Floats rows[M::kDepth];
        for (int i = 0; i < M::kDepth; ++i) rows[i] = slope[r + i][v];
        M::store_across(to + r / M::kDepth * kQueries + v * kLanes, rows);
      }
  }

  void slopes(int64_t key, int64_t keys, int64_t query, int64_t queries) const {
    for (int64_t q = query; q < query + queries; q += kPanel)
      for (int64_t k = key; k < key + keys && k < q + kPanel; k += M::kRows) {
        ahead.fetch(geometry.ahead);
        if (k < q + kLanes)
          slope_block<2>(k, q, key, query);
        else
          slope_block<1>(k, q + kLanes, key, query);
      }
  }

  /// dv += P^T do, dk += dS^T q of `keys` keys.
  void add_keys(int64_t key, int64_t keys, int64_t query, int64_t queries) const {
    const int64_t row = geometry.row;
    const bool fresh = first_of_group && query == key;
    for (int64_t k = 0; k < keys; k += M::kRows) {
      // Queries of the vectors that hold no earlier one.
      const int64_t unseen = (key + k - query) / kLanes * kLanes;
      const int64_t skipped = unseen > 0 ? unseen : 0;
      if (skipped >= queries) break;
      const int64_t depth = (queries - skipped) / M::kDepth;
      const int64_t from = k * kRow + skipped / M::kDepth;
      const int64_t across = (query + skipped) / M::kDepth * row;
      add_product<M>({scratch.weights + from, kRow, 1}, scratch.dout_across + across, row, depth,
                     {scratch.dvalue + (key + k) * row, row, fresh}, geometry.vectors);
      add_product<M>({scratch.slopes + from, kRow, 1}, scratch.query_across + across, row, depth,
                     {scratch.dkey + (key + k) * row, row, fresh}, geometry.vectors);
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
                     (seen < keys ? seen : keys) / M::kDepth,
                     {scratch.dquery + (query + q) * row, row, key == 0}, geometry.vectors);
    }
  }

  void run() const {
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
  const int64_t words = out.width / M::kDepth;
  for (int64_t t = 0; t < rows; t += M::kLanes) {
    typename M::Floats sum[M::kLanes] = {};
    for (int64_t i = 0; i < M::kLanes && t + i < out.time; ++i)
      for (int64_t k = 0; k < words; k += M::kLanes)
        sum[i] = M::add_products(M::words(out.at(t + i) + k * M::kDepth, words - k),
                                 M::words(dout.at(t + i) + k * M::kDepth, words - k), sum[i]);
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

/// Packs what the sweep over one query head reads.
template <class M, class Value>
void pack_query(const Geometry<M>& geometry, const AttentionScratch& scratch,
                Head<const Value> query, Head<const Value> out, Head<const Value> dout,
                const float* log_sum) {
  pack_columns<M>(query, geometry.time, scratch.query_columns);
  pack_across<M>(query, geometry.time, geometry.row, scratch.query_across);
  pack_columns<M>(dout, geometry.time, scratch.dout_columns);
  pack_across<M>(dout, geometry.time, geometry.row, scratch.dout_across);
  output_products<M>(out, dout, geometry.time, scratch.delta);
  for (int64_t t = 0; t < geometry.time; ++t) scratch.log_sum[t] = t < query.time ? log_sum[t] : 0;
}

template <class M, class Value>
void backward_pass(const AttentionSizes& sizes, const Value* heads_THD, const Value* out_TND,
                   const Value* dout_TND, const float* log_sum_NT, Value* dheads_THD,
                   std::byte* memory) {
  Carver carver{memory};
  const AttentionScratch scratch(sizes, carver);
  const Geometry<M> geometry(sizes);
  for (int64_t g = 0; g < sizes.kv_heads; ++g) {
    const int64_t key_index = sizes.heads + g, value_index = key_index + sizes.kv_heads;
    const auto key = head_of(sizes, heads_THD, geometry.all, key_index);
    const auto value = head_of(sizes, heads_THD, geometry.all, value_index);
    pack_rows<M>(key, geometry.time, scratch.key_rows);
    pack_across<M>(key, geometry.time, geometry.row, scratch.key_across);
    pack_rows<M>(value, geometry.time, scratch.value_rows);
    for (int64_t n = g * geometry.group; n < (g + 1) * geometry.group; ++n) {
      const auto query = head_of(sizes, heads_THD, geometry.all, n);
      const auto out = head_of(sizes, out_TND, sizes.heads, n);
      const auto dout = head_of(sizes, dout_TND, sizes.heads, n);
      Ahead ahead;
      ahead.add_next(query, n, sizes.heads, geometry.all);
      for (const auto& head : {out, dout}) ahead.add_next(head, n, sizes.heads, sizes.heads);
      if ((n + 1) % geometry.group == 0)
        for (const auto& head : {key, value}) ahead.add_next(head, g, sizes.kv_heads, geometry.all);
      pack_query<M>(geometry, scratch, query, out, dout, log_sum_NT + n * sizes.time);
      BackwardHead<M>{geometry, scratch, ahead, n % geometry.group == 0}.run();
      write_head<M>(scratch.dquery, geometry.row, geometry.scale,
                    head_of(sizes, dheads_THD, geometry.all, n));
    }
    write_head<M>(scratch.dkey, geometry.row, geometry.scale,
                  head_of(sizes, dheads_THD, geometry.all, key_index));
    write_head<M>(scratch.dvalue, geometry.row, 1,
                  head_of(sizes, dheads_THD, geometry.all, value_index));
  }
}

}  // namespace causeway

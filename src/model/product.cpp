// SPDX-License-Identifier: Apache-2.0
//
// Products of matrices that are small against the caches, as tiles of oneDNN's kernel for blocks
// (brgemm), which LibTorch exports: Georganas and others, "High-Performance Deep Learning via a
// Single Building Block", arXiv:1906.06440. LibTorch's own products pack both operands at each call
// and, in bfloat16, round every result; here weights are packed once a step, and sums stay float32.
#include "model/product.h"

#include <ATen/Parallel.h>
#include <ATen/native/CPUBlas.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/mm.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <type_traits>

#include "core/simd.h"
#include "kernel/moves.h"
#include "model/element.h"
#include "model/rows.h"

namespace causeway {
namespace {

constexpr int64_t kTileRows = 64, kTileColumns = 64;
constexpr int64_t kPairRows = 32, kPairColumns = 64;  // of a transpose in bfloat16
constexpr int64_t kDepth = 256;            // rows of a sum that are transposed together, at most
constexpr int64_t kDepthValues = 131'072;  // and their values

int64_t tiles(int64_t count, int64_t tile) { return (count + tile - 1) / tile; }

/// Rows that are transposed together: as many as stay in the second cache.
int64_t depth_of(int64_t rows, int64_t channels) {
  const int64_t depth = std::clamp<int64_t>(kDepthValues / channels / 64 * 64, 64, kDepth);
  return std::min(depth, rows + rows % 2);
}

void brgemm(int64_t m, int64_t n, int64_t k, int64_t lda, int64_t ldb, int64_t ldc, bool add,
            const float* a, const float* b, float* c) {
  at::native::cpublas::brgemm(m, n, k, lda, ldb, ldc, add, a, b, c, false);
}
void brgemm(int64_t m, int64_t n, int64_t k, int64_t lda, int64_t ldb, int64_t ldc, bool add,
            const Bf16* a, const Bf16* b, float* c) {
  at::native::cpublas::brgemm(m, n, k, lda, ldb, ldc, add, reinterpret_cast<const at::BFloat16*>(a),
                              reinterpret_cast<const at::BFloat16*>(b), c, true);
}

template <class Element>
bool try_small_product() {
  // Not every build of LibTorch has the kernel for every machine; it says so by an exception.
  try {
    alignas(64) std::array<Element, 32 * 32> a{}, b{};
    alignas(64) std::array<float, 32 * 32> c;
    brgemm(32, 32, 32, 32, 32, 32, false, a.data(), b.data(), c.data());
    return c[0] == 0 && c.back() == 0;
  } catch (const c10::Error&) {
    return false;
  }
}

/// Where the values of a matrix [K, N] lie for the kernel: by rows; in bfloat16 each two rows
/// interleaved.
template <class Element>
struct Operand {
  static constexpr int64_t kPair = std::is_same_v<Element, Bf16> ? 2 : 1;
  const Element* values;
  int64_t columns;
  const Element* at(int64_t column) const { return values + column * kPair; }
};

/// Calls each(row, column, rows, columns) for the tiles of a matrix, shared by rows of tiles.
template <class Each>
void each_tile(int64_t rows, int64_t columns, const Each& each) {
  at::parallel_for(0, tiles(rows, kTileRows), 1, [&](int64_t begin, int64_t end) {
    for (int64_t column = 0; column < columns; column += kTileColumns)
      for (int64_t tile = begin; tile < end; ++tile)
        each(tile * kTileRows, column, std::min(kTileRows, rows - tile * kTileRows),
             std::min(kTileColumns, columns - column));
  });
}

/// out = y B or out += y B, straight into float32.
template <class Element>
void multiply_wide(const at::Tensor& y_MK, const at::Tensor& b, int64_t columns, bool add,
                   float* out) {
  const Element* y = values_of<Element>(y_MK);
  const Operand<Element> operand{values_of<Element>(b), columns};
  const int64_t depth = y_MK.size(1);
  each_tile(y_MK.size(0), columns, [&](int64_t row, int64_t column, int64_t m, int64_t n) {
    brgemm(m, n, depth, depth, columns, columns, add, y + row * depth, operand.at(column),
           out + row * columns + column);
  });
}

/// out = y B, rounded to bfloat16 tile by tile.
void multiply_rounded(const at::Tensor& y_MK, const at::Tensor& b, int64_t columns, Bf16* out) {
  const Bf16* y = values_of<Bf16>(y_MK);
  const Operand<Bf16> operand{values_of<Bf16>(b), columns};
  const int64_t depth = y_MK.size(1);
  each_tile(y_MK.size(0), columns, [&](int64_t row, int64_t column, int64_t m, int64_t n) {
    alignas(64) float tile[kTileRows * kTileColumns];
    brgemm(m, n, depth, depth, columns, kTileColumns, false, y + row * depth, operand.at(column),
           tile);
    round_rows(tile, kTileColumns, m, n, out + row * columns + column, columns);
  });
}

void multiply(const at::Tensor& y_MK, const at::Tensor& b, const at::Tensor& out_MN) {
  if (out_MN.scalar_type() == at::kBFloat16)
    multiply_rounded(y_MK, b, out_MN.size(1), values_of<Bf16>(out_MN));
  else
    multiply_wide<float>(y_MK, b, out_MN.size(1), false, values_of<float>(out_MN));
}

/// `count` rows of `a` transposed: [C, depth].
void transpose_rows(const float* a, int64_t count, int64_t channels, int64_t depth, float* out) {
  transpose(a, channels, count, channels, out, depth);
}
/// In bfloat16 by way of pairs of rows, each a value of 32 bits; with a zero after an odd count.
void transpose_rows(const Bf16* a, int64_t count, int64_t channels, int64_t depth, Bf16* out) {
  alignas(64) Bf16 pairs[kPairRows * kPairColumns];
  for (int64_t row = 0; row < count; row += kPairRows)
    for (int64_t column = 0; column < channels; column += kPairColumns) {
      const int64_t width = std::min(kPairColumns, channels - column);
      const int64_t taken = std::min(kPairRows, count - row);
      interleave(a + row * channels + column, channels, taken, width, pairs, 2 * kPairColumns);
      transpose(reinterpret_cast<const float*>(pairs), kPairColumns, (taken + 1) / 2, width,
                reinterpret_cast<float*>(out + column * depth + row), depth / 2);
    }
}

/// sum += a^T b for `count` rows, of which `transposed` has a^T: some columns of b.
template <class Element>
void add_depth(const Element* transposed, const Element* b, int64_t count, int64_t depth,
               int64_t channels, int64_t columns, int64_t column, bool add, float* sum) {
  const int64_t width = std::min(kTileColumns, columns - column);
  const Element* operand = b + column;
  int64_t stride = columns;
  alignas(64) Bf16 interleaved[std::is_same_v<Element, Bf16> ? kDepth * kTileColumns : 1];
  if constexpr (std::is_same_v<Element, Bf16>) {
    interleave(b + column, columns, count, width, interleaved, 2 * width);
    operand = interleaved;
    stride = width;
  }
  const int64_t terms = std::is_same_v<Element, Bf16> ? count + count % 2 : count;
  for (int64_t row = 0; row < channels; row += kTileRows)
    brgemm(std::min(kTileRows, channels - row), width, terms, depth, stride, columns, add,
           transposed + row * depth, operand, sum + row * columns + column);
}

template <class Element>
void add_small_outer_product(const at::Tensor& a_MC, const at::Tensor& b_MX, bool add, float* sum) {
  const int64_t rows = a_MC.size(0), channels = a_MC.size(1), columns = b_MX.size(1);
  const int64_t depth = depth_of(rows, channels);
  at::parallel_for(0, tiles(columns, kTileColumns), 1, [&](int64_t begin, int64_t end) {
    Workspace& workspace = Workspace::of_this_thread();
    const Workspace::Scope scope(workspace);
    Element* transposed = values_of<Element>(workspace.take({channels, depth}, a_MC.scalar_type()));
    for (int64_t row = 0; row < rows; row += depth) {
      const int64_t count = std::min(depth, rows - row);
      transpose_rows(values_of<Element>(a_MC) + row * channels, count, channels, depth, transposed);
      for (int64_t tile = begin; tile < end; ++tile)
        add_depth(transposed, values_of<Element>(b_MX) + row * columns, count, depth, channels,
                  columns, tile * kTileColumns, add || row > 0, sum);
    }
  });
}

/// W by rows, folded: target [O, C].
template <class Element, class W>
void fold_rows(const W* source, const W* gain, int64_t rows, int64_t channels, Element* target) {
  each_row(rows, channels, [=](int64_t row) {
    const W* __restrict from = source + row * channels;
    Element* __restrict to = target + row * channels;
    if (gain == nullptr) {
      for (int64_t c = 0; c < channels; ++c) to[c] = static_cast<Element>(from[c]);
    } else {
      for (int64_t c = 0; c < channels; ++c) to[c] = static_cast<Element>(from[c] * gain[c]);
    }
  });
}

bool is_small(int64_t outputs, int64_t inputs, at::ScalarType type) {
  // In bfloat16 the kernel takes pairs along the sum.
  const bool paired = outputs % 2 == 0 && inputs % 2 == 0;
  return has_small_products(type) && (type == at::kFloat || paired);
}

/// W of all parts by rows in `type`, each column times its gain.
void fold(std::span<const at::Tensor> parts_OC, const at::Tensor& gain_C, const at::Tensor& w_OC) {
  with_element(w_OC.scalar_type(), [&]<class Element>(Element) {
    using W = Wide<Element>;
    Element* target = values_of<Element>(w_OC);
    for (const at::Tensor& part : parts_OC) {
      fold_rows(values_of<W>(part), gain_C.defined() ? values_of<W>(gain_C) : nullptr, part.size(0),
                part.size(1), target);
      target += part.numel();
    }
  });
}

/// LibTorch's product of bfloat16, which sums in float32 and rounds once.
at::Tensor rounded_product(const at::Tensor& a, const at::Tensor& b, Workspace& workspace) {
  at::Tensor out = workspace.take({a.size(0), b.size(1)}, at::kBFloat16);
  return at::mm_out(out, a, b);
}

}  // namespace

bool has_small_products(at::ScalarType type) {
  static const bool in_float = simd() >= Simd::kAvx512 && try_small_product<float>();
  static const bool in_bf16 = simd() >= Simd::kAvx512Bf16 && try_small_product<Bf16>();
  return type == at::kBFloat16 ? in_bf16 : type == at::kFloat && in_float;
}

int64_t packed_bytes(int64_t outputs, int64_t inputs, bool changed, at::ScalarType type) {
  const int64_t one = Workspace::bytes(outputs * inputs, type);
  // In bfloat16 the rows are folded first, and both forms made from them.
  return (is_small(outputs, inputs, type) ? (type == at::kBFloat16 ? 2 : 1) : 0) * one +
         (changed || type != at::kFloat ? one : 0);
}

WeightMatrix pack_weights(std::span<const at::Tensor> parts_OC, const at::Tensor& gain_C,
                          at::ScalarType type, Workspace& workspace) {
  WeightMatrix out;
  out.inputs = parts_OC.front().size(1);
  for (const at::Tensor& part : parts_OC) out.outputs += part.size(0);
  out.small = is_small(out.outputs, out.inputs, type);
  const bool same =
      parts_OC.size() == 1 && !gain_C.defined() && parts_OC.front().scalar_type() == type;
  at::Tensor w_OC = same ? parts_OC.front() : workspace.take({out.outputs, out.inputs}, type);
  if (!same) fold(parts_OC, gain_C, w_OC);
  out.forward = out.backward = w_OC;
  if (!out.small) return out;
  out.forward = workspace.take({out.inputs, out.outputs}, type);
  if (type == at::kFloat) {
    transpose(values_of<float>(w_OC), out.inputs, out.outputs, out.inputs,
              values_of<float>(out.forward), out.outputs);
    return out;
  }
  // Two neighbours of a row are one value of 32 bits: W^T in pairs is the transpose of those.
  transpose(static_cast<const float*>(w_OC.data_ptr()), out.inputs / 2, out.outputs, out.inputs / 2,
            static_cast<float*>(out.forward.data_ptr()), out.outputs);
  out.backward = workspace.take({out.outputs, out.inputs}, type);
  interleave(values_of<Bf16>(w_OC), out.inputs, out.outputs, out.inputs,
             values_of<Bf16>(out.backward), 2 * out.inputs);
  return out;
}

void product(const at::Tensor& y_MC, const WeightMatrix& w, const at::Tensor& out_MO) {
  if (w.small) return multiply(y_MC, w.forward, out_MO);
  at::Tensor out = out_MO;
  at::mm_out(out, y_MC, w.forward.t());
}

void add_product(const at::Tensor& y_MC, const WeightMatrix& w, const at::Tensor& h_MO) {
  at::Tensor h = h_MO;
  Workspace& workspace = Workspace::of_this_thread();
  const Workspace::Scope scope(workspace);
  if (w.small)
    with_element(y_MC.scalar_type(), [&]<class Element>(Element) {
      if constexpr (!std::is_same_v<Element, double>)
        multiply_wide<Element>(y_MC, w.forward, w.outputs, true, values_of<float>(h_MO));
    });
  else if (y_MC.scalar_type() == h_MO.scalar_type())
    at::addmm_out(h, h_MO, y_MC, w.forward.t(), 1, 1);
  else
    h.add_(rounded_product(y_MC, w.forward.t(), workspace));
}

void product_backward(const at::Tensor& dy_MO, const WeightMatrix& w, const at::Tensor& out_MC) {
  if (w.small) return multiply(dy_MO, w.backward, out_MC);
  at::Tensor out = out_MC;
  at::mm_out(out, dy_MO, w.backward);
}

void add_outer_product(const at::Tensor& a_MC, const at::Tensor& b_MX, bool add,
                       const at::Tensor& sum_CX) {
  at::Tensor sum = sum_CX;
  const at::ScalarType type = a_MC.scalar_type();
  if (has_small_products(type)) {
    if (type == at::kBFloat16)
      add_small_outer_product<Bf16>(a_MC, b_MX, add, values_of<float>(sum_CX));
    else
      add_small_outer_product<float>(a_MC, b_MX, add, values_of<float>(sum_CX));
  } else if (type == sum_CX.scalar_type()) {
    at::addmm_out(sum, sum_CX, a_MC.t(), b_MX, add ? 1 : 0, 1);
  } else {
    Workspace& workspace = Workspace::of_this_thread();
    const Workspace::Scope scope(workspace);
    const at::Tensor rounded_CX = rounded_product(a_MC.t(), b_MX, workspace);
    if (add)
      sum.add_(rounded_CX);
    else
      sum.copy_(rounded_CX);
  }
}

int64_t outer_product_bytes(int64_t rows, int64_t channels, int64_t columns, at::ScalarType type) {
  if (has_small_products(type)) return Workspace::bytes(channels * depth_of(rows, channels), type);
  return type == at::kBFloat16 ? Workspace::bytes(channels * columns, type) : 0;
}

}  // namespace causeway

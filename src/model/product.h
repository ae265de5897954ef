// SPDX-License-Identifier: Apache-2.0
//
// M rows, C inputs, O outputs, X columns.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "tensor/workspace.h"

namespace causeway {

/// A weight matrix W [O, C] in the forms that its two products read. Where oneDNN's kernel for
/// small matrices fits, that is W^T and W by rows; in bfloat16 with each two rows interleaved, as
/// its instruction multiplies pairs. Elsewhere both are W itself, for LibTorch's product.
struct WeightMatrix {
  int64_t outputs = 0, inputs = 0;
  bool small = false;  ///< whether the kernel multiplies it
  at::Tensor forward, backward;
};

/// Whether products of this type use oneDNN's kernel here: a choice of the machine.
bool has_small_products(at::ScalarType type);

/// One WeightMatrix in `type` of matrices [O_i, C] one below the other, each column times its gain,
/// if `gain_C` is defined. What can refer to a single matrix without gain does; the rest lies in
/// the workspace.
WeightMatrix pack_weights(std::span<const at::Tensor> parts_OC, const at::Tensor& gain_C,
                          at::ScalarType type, Workspace& workspace);
/// What that takes of the workspace.
int64_t packed_bytes(int64_t outputs, int64_t inputs, bool changed, at::ScalarType type);

// All are shared among LibTorch's threads, whose number changes no bit where has_small_products().
// Tensors are contiguous.

/// out = y W^T.
void product(const at::Tensor& y_MC, const WeightMatrix& w, const at::Tensor& out_MO);

/// h += y W^T in the wide type.
void add_product(const at::Tensor& y_MC, const WeightMatrix& w, const at::Tensor& h_MO);

/// dy W: the gradient with respect to the rows that W read.
void product_backward(const at::Tensor& dy_MO, const WeightMatrix& w, const at::Tensor& out_MC);

/// a^T b, set or added to `sum_CX`, which has the wide type: the gradient of a matrix that took `a`
/// to rows whose gradient is `b`, transposed; or of one that took `b` to rows whose gradient is
/// `a`. The first is the narrower one where there is a choice: it is transposed.
void add_outer_product(const at::Tensor& a_MC, const at::Tensor& b_MX, bool add,
                       const at::Tensor& sum_CX);
/// What that holds in each thread's workspace meanwhile, or LibTorch elsewhere.
int64_t outer_product_bytes(int64_t rows, int64_t channels, int64_t columns, at::ScalarType type);

}  // namespace causeway

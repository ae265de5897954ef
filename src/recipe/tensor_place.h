// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "optim/inner.h"
#include "sync/layout.h"

namespace causeway {

/// What a tensor of the layout is to an inner optimizer. Its name must outlive the place.
inline TensorPlace tensor_place(const Tensor& tensor) {
  TensorPlace out{.name = tensor.name, .columns = tensor.count};
  if (tensor.shape.size() != 2) return out;
  out.rows = tensor.shape[0];
  out.columns = tensor.shape[1];
  out.kind = tensor.role == Role::kMatrix ? TensorPlace::Kind::kMatrix : TensorPlace::Kind::kTable;
  return out;
}

}  // namespace causeway

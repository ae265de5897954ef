// SPDX-License-Identifier: Apache-2.0
//
// The types that the row kernels compute with.
#pragma once

#include <ATen/core/Tensor.h>

#include <type_traits>

#include "core/bf16.h"
#include "core/check.h"

namespace causeway {

/// What sums, norms and the residual stream of an element type are held in: float for bfloat16.
template <class Element>
using Wide = std::conditional_t<std::is_same_v<Element, double>, double, float>;

inline at::ScalarType wide_type(at::ScalarType type) {
  return type == at::kBFloat16 ? at::kFloat : type;
}

/// Calls visit(Element{}) with the element type of `type`: float, double or Bf16.
template <class Visit>
decltype(auto) with_element(at::ScalarType type, Visit&& visit) {
  CW_CHECK(type == at::kFloat || type == at::kDouble || type == at::kBFloat16,
           "no row kernels for {}", c10::toString(type));
  if (type == at::kBFloat16) return visit(Bf16{});
  if (type == at::kDouble) return visit(double{});
  return visit(float{});
}

/// The same for what is held in the wide type: float or double.
template <class Visit>
decltype(auto) with_wide(at::ScalarType type, Visit&& visit) {
  CW_CHECK(type == at::kFloat || type == at::kDouble, "{} is not wide", c10::toString(type));
  if (type == at::kDouble) return visit(double{});
  return visit(float{});
}

/// The values of a tensor of that element type.
template <class Element>
Element* values_of(const at::Tensor& tensor) {
  CW_CHECK(tensor.element_size() == sizeof(Element) && tensor.stride(-1) <= 1);
  return static_cast<Element*>(tensor.data_ptr());
}

}  // namespace causeway

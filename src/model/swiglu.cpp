// SPDX-License-Identifier: Apache-2.0
#include "model/swiglu.h"

#include "kernel/exponential.h"
#include "model/element.h"
#include "model/rows.h"

namespace causeway {
namespace {

template <class Element>
void forward_row(const Element* __restrict gate, const Element* __restrict up,
                 Element* __restrict out, int64_t inner) {
  using W = Wide<Element>;
  for (int64_t i = 0; i < inner; ++i) {
    const W g = static_cast<W>(gate[i]);
    out[i] = static_cast<Element>(g / (1 + exponential(-g)) * static_cast<W>(up[i]));
  }
}

/// d silu / d gate = s (1 + gate (1 - s)) with s = 1 / (1 + e^-gate).
template <class Element>
void swiglu_backward_row(Element* __restrict gate, Element* __restrict up, Element* __restrict dout,
                         int64_t inner) {
  using W = Wide<Element>;
  for (int64_t i = 0; i < inner; ++i) {
    const W g = static_cast<W>(gate[i]), u = static_cast<W>(up[i]), d = static_cast<W>(dout[i]);
    const W s = 1 / (1 + exponential(-g));
    const W silu = g * s;
    gate[i] = static_cast<Element>(d * u * (s * (1 + (g - silu))));
    up[i] = static_cast<Element>(d * silu);
    dout[i] = static_cast<Element>(silu * u);
  }
}

}  // namespace

void swiglu(const at::Tensor& gate_up_M2I, const at::Tensor& out_MI) {
  const int64_t inner = out_MI.size(1);
  with_element(out_MI.scalar_type(), [&]<class Element>(Element) {
    const Element* gates = values_of<Element>(gate_up_M2I);
    Element* all_out = values_of<Element>(out_MI);
    each_row(out_MI.size(0), 4 * inner, [=](int64_t row) {
      const Element* gate = gates + row * 2 * inner;
      forward_row(gate, gate + inner, all_out + row * inner, inner);
    });
  });
}

void swiglu_backward(const at::Tensor& gate_up_M2I, const at::Tensor& dout_MI) {
  const int64_t inner = dout_MI.size(1);
  with_element(dout_MI.scalar_type(), [&]<class Element>(Element) {
    Element* gates = values_of<Element>(gate_up_M2I);
    Element* all_dout = values_of<Element>(dout_MI);
    each_row(dout_MI.size(0), 8 * inner, [=](int64_t row) {
      Element* gate = gates + row * 2 * inner;
      swiglu_backward_row(gate, gate + inner, all_dout + row * inner, inner);
    });
  });
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "model/norm.h"

#include <cmath>

#include "model/dot.h"
#include "model/element.h"
#include "model/rows.h"

namespace causeway {
namespace {

template <class Element>
Wide<Element> normalise_row(const Wide<Element>* __restrict h, Element* __restrict y,
                            int64_t channels, Wide<Element> eps) {
  using W = Wide<Element>;
  const W scale = 1 / std::sqrt(dot(h, h, channels) / static_cast<W>(channels) + eps);
  for (int64_t c = 0; c < channels; ++c) y[c] = static_cast<Element>(h[c] * scale);
  return scale;
}

template <class Element>
void norm_backward_row(const Element* __restrict y, const Element* __restrict dy,
                       Wide<Element>* __restrict dh, int64_t channels, Wide<Element> scale) {
  using W = Wide<Element>;
  const W along = dot(dy, y, channels) / static_cast<W>(channels);
  for (int64_t c = 0; c < channels; ++c)
    dh[c] += scale * (static_cast<W>(dy[c]) - static_cast<W>(y[c]) * along);
}

}  // namespace

void normalise(const at::Tensor& h_MC, double eps, const Normed& out) {
  const int64_t channels = h_MC.size(1);
  with_element(out.y_MC.scalar_type(), [&]<class Element>(Element) {
    using W = Wide<Element>;
    const W* h = values_of<W>(h_MC);
    Element* y = values_of<Element>(out.y_MC);
    W* scales = values_of<W>(out.scale_M);
    each_row(h_MC.size(0), channels, [=](int64_t row) {
      scales[row] =
          normalise_row(h + row * channels, y + row * channels, channels, static_cast<W>(eps));
    });
  });
}

void normalise_backward(const Normed& normed, const at::Tensor& dy_MC, const at::Tensor& dh_MC,
                        const at::Tensor& narrow_MC) {
  const int64_t channels = dy_MC.size(1);
  with_element(dy_MC.scalar_type(), [&]<class Element>(Element) {
    using W = Wide<Element>;
    const Element* all_y = values_of<Element>(normed.y_MC);
    const W* scales = values_of<W>(normed.scale_M);
    const Element* all_dy = values_of<Element>(dy_MC);
    W* all_dh = values_of<W>(dh_MC);
    Element* narrow = narrow_MC.is_same(dh_MC) ? nullptr : values_of<Element>(narrow_MC);
    each_row(dy_MC.size(0), channels, [=](int64_t row) {
      const int64_t at = row * channels;
      norm_backward_row(all_y + at, all_dy + at, all_dh + at, channels, scales[row]);
      if (narrow != nullptr)
        for (int64_t c = 0; c < channels; ++c)
          narrow[at + c] = static_cast<Element>(all_dh[at + c]);
    });
  });
}

}  // namespace causeway

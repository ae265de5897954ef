// SPDX-License-Identifier: Apache-2.0
#include "model/head_norm.h"

#include <algorithm>
#include <cmath>

#include "model/column_sums.h"
#include "model/dot.h"
#include "model/element.h"
#include "model/rows.h"

namespace causeway {
namespace {

/// One head: `head` becomes gain * y. Returns the scale.
template <class Element>
Wide<Element> normalise_head(Element* head, Element* y, const Wide<Element>* gain, int64_t width,
                             Wide<Element> eps) {
  using W = Wide<Element>;
  const W scale = 1 / std::sqrt(dot(head, head, width) / static_cast<W>(width) + eps);
  for (int64_t c = 0; c < width; ++c) {
    const W normal = static_cast<W>(head[c]) * scale;
    y[c] = static_cast<Element>(normal);
    head[c] = static_cast<Element>(normal * gain[c]);
  }
  return scale;
}

/// One head: `dhead` becomes the gradient with respect to the input; the gain's is added to.
template <class Element>
void backward_head(Element* dhead, Wide<Element>* dgain, const Element* y,
                   const Wide<Element>* gain, Wide<Element> scale, int64_t width) {
  using W = Wide<Element>;
  const W along = sum_of<W>(width,
                            [=](int64_t c) {
                              return static_cast<W>(dhead[c]) * gain[c] * static_cast<W>(y[c]);
                            }) /
                  static_cast<W>(width);
  for (int64_t c = 0; c < width; ++c) {
    const W d = static_cast<W>(dhead[c]), normal = static_cast<W>(y[c]);
    dgain[c] += d * normal;
    dhead[c] = static_cast<Element>(scale * (d * gain[c] - normal * along));
  }
}

}  // namespace

HeadNormed head_norm(const HeadNormSizes& sizes, const at::Tensor& gains_2D,
                     const at::Tensor& heads_MRD, Workspace& workspace) {
  CW_CHECK(heads_MRD.is_contiguous());
  const int64_t rows = heads_MRD.size(0), stride = heads_MRD.size(1) * heads_MRD.size(2);
  const int64_t width = heads_MRD.size(2), queries = sizes.heads, all = queries + sizes.kv_heads;
  const at::ScalarType type = heads_MRD.scalar_type();
  HeadNormed saved{workspace.take({rows, all, width}, type),
                   workspace.take({rows, all}, wide_type(type))};
  with_element(type, [&]<class Element>(Element) {
    using W = Wide<Element>;
    const W* gains = values_of<W>(gains_2D);
    const auto eps = static_cast<W>(sizes.eps);
    Element* heads = values_of<Element>(heads_MRD);
    Element* y = values_of<Element>(saved.y_MHD);
    W* scale = values_of<W>(saved.scale_MH);
    each_row(rows, all * width, [=](int64_t row) {
      for (int64_t head = 0; head < all; ++head)
        scale[row * all + head] =
            normalise_head(heads + row * stride + head * width, y + (row * all + head) * width,
                           head < queries ? gains : gains + width, width, eps);
    });
  });
  return saved;
}

void head_norm_backward(const HeadNormSizes& sizes, const at::Tensor& gains_2D,
                        const HeadNormed& saved, const at::Tensor& dheads_MRD,
                        const at::Tensor& dgains_2D, bool add, Workspace& workspace) {
  CW_CHECK(dheads_MRD.is_contiguous());
  const int64_t rows = dheads_MRD.size(0), stride = dheads_MRD.size(1) * dheads_MRD.size(2);
  const int64_t width = dheads_MRD.size(2), queries = sizes.heads, all = queries + sizes.kv_heads;
  const int64_t blocks = (rows + kRowsPerSum - 1) / kRowsPerSum;
  const Workspace::Scope scope(workspace);
  // The gains' gradients of each block of rows: those of queries, then those of keys.
  const at::Tensor parts_PK = workspace.take({blocks, 2 * width}, dgains_2D.scalar_type());
  with_element(dheads_MRD.scalar_type(), [&]<class Element>(Element) {
    using W = Wide<Element>;
    const W* gains = values_of<W>(gains_2D);
    const Element* y = values_of<Element>(saved.y_MHD);
    const W* scale = values_of<W>(saved.scale_MH);
    Element* dheads = values_of<Element>(dheads_MRD);
    W* parts = values_of<W>(parts_PK);
    each_row(blocks, kRowsPerSum * all * width, [=](int64_t block) {
      W* part = parts + block * 2 * width;
      std::fill_n(part, 2 * width, W{0});
      const int64_t end = std::min(rows, (block + 1) * kRowsPerSum);
      for (int64_t row = block * kRowsPerSum; row < end; ++row)
        for (int64_t head = 0; head < all; ++head) {
          const int64_t at = row * all + head, which = head < queries ? 0 : width;
          backward_head(dheads + row * stride + head * width, part + which, y + at * width,
                        gains + which, scale[at], width);
        }
    });
  });
  column_sums(parts_PK, dgains_2D.view({-1}), add);
}

}  // namespace causeway

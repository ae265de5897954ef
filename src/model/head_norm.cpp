// SPDX-License-Identifier: Apache-2.0
//
// P blocks of rows.
#include "model/head_norm.h"

#include <ATen/Dispatch.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "model/column_sums.h"
#include "model/dot.h"
#include "model/rows.h"

namespace causeway {
namespace {

/// One head: `head` becomes gain * y. Returns the scale.
template <class T>
T normalise_head(T* head, T* y, const T* gain, int64_t width, T eps) {
  const T scale = 1 / std::sqrt(dot(head, head, width) / static_cast<T>(width) + eps);
  for (int64_t c = 0; c < width; ++c) {
    y[c] = head[c] * scale;
    head[c] = y[c] * gain[c];
  }
  return scale;
}

/// One head: `dhead` becomes the gradient with respect to the input; the gain's is added to.
template <class T>
void backward_head(T* dhead, T* dgain, const T* y, const T* gain, T scale, int64_t width) {
  for (int64_t c = 0; c < width; ++c) {
    dgain[c] += dhead[c] * y[c];
    dhead[c] *= gain[c];
  }
  const T along = dot(dhead, y, width) / static_cast<T>(width);
  for (int64_t c = 0; c < width; ++c) dhead[c] = scale * (dhead[c] - y[c] * along);
}

}  // namespace

HeadNorm::HeadNorm(size_t query_gain, size_t key_gain, const Sizes& sizes)
    : query_gain_(query_gain), key_gain_(key_gain), sizes_(sizes) {}

HeadNormed HeadNorm::forward(const Arena& x, const at::Tensor& heads_MRD) const {
  CW_CHECK(heads_MRD.is_contiguous());
  const int64_t rows = heads_MRD.size(0), stride = heads_MRD.size(1) * heads_MRD.size(2);
  const int64_t width = heads_MRD.size(2), queries = sizes_.heads, all = queries + sizes_.kv_heads;
  HeadNormed saved{at::empty({rows, all, width}, heads_MRD.options()),
                   at::empty({rows, all}, heads_MRD.options())};
  AT_DISPATCH_FLOATING_TYPES(heads_MRD.scalar_type(), "head_norm", [&] {
    const scalar_t* query_gain = x[query_gain_].const_data_ptr<scalar_t>();
    const scalar_t* key_gain = x[key_gain_].const_data_ptr<scalar_t>();
    const auto eps = static_cast<scalar_t>(sizes_.eps);
    scalar_t* heads = heads_MRD.data_ptr<scalar_t>();
    scalar_t* y = saved.y_MHD.data_ptr<scalar_t>();
    scalar_t* scale = saved.scale_MH.data_ptr<scalar_t>();
    each_row(rows, all * width, [=](int64_t row) {
      for (int64_t head = 0; head < all; ++head)
        scale[row * all + head] =
            normalise_head(heads + row * stride + head * width, y + (row * all + head) * width,
                           head < queries ? query_gain : key_gain, width, eps);
    });
  });
  return saved;
}

void HeadNorm::backward(const Arena& x, const HeadNormed& saved, const at::Tensor& dheads_MRD,
                        Arena& g) const {
  CW_CHECK(dheads_MRD.is_contiguous());
  const int64_t rows = dheads_MRD.size(0), stride = dheads_MRD.size(1) * dheads_MRD.size(2);
  const int64_t width = dheads_MRD.size(2), queries = sizes_.heads, all = queries + sizes_.kv_heads;
  const int64_t blocks = (rows + kRowsPerSum - 1) / kRowsPerSum;
  // The gains' gradients of each block of rows: those of queries, then those of keys.
  const at::Tensor dgains_2PD = at::zeros({2, blocks, width}, dheads_MRD.options());
  AT_DISPATCH_FLOATING_TYPES(dheads_MRD.scalar_type(), "head_norm_backward", [&] {
    const scalar_t* query_gain = x[query_gain_].const_data_ptr<scalar_t>();
    const scalar_t* key_gain = x[key_gain_].const_data_ptr<scalar_t>();
    const scalar_t* y = saved.y_MHD.const_data_ptr<scalar_t>();
    const scalar_t* scale = saved.scale_MH.const_data_ptr<scalar_t>();
    scalar_t* dheads = dheads_MRD.data_ptr<scalar_t>();
    scalar_t* dgains = dgains_2PD.data_ptr<scalar_t>();
    each_row(blocks, kRowsPerSum * all * width, [=](int64_t block) {
      const int64_t end = std::min(rows, (block + 1) * kRowsPerSum);
      for (int64_t row = block * kRowsPerSum; row < end; ++row)
        for (int64_t head = 0; head < all; ++head) {
          const bool query = head < queries;
          const int64_t at = row * all + head;
          backward_head(dheads + row * stride + head * width,
                        dgains + ((query ? 0 : blocks) + block) * width, y + at * width,
                        query ? query_gain : key_gain, scale[at], width);
        }
    });
  });
  g[query_gain_].copy_(column_sums(dgains_2PD[0]));
  g[key_gain_].copy_(column_sums(dgains_2PD[1]));
}

}  // namespace causeway

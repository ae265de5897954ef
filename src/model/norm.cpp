// SPDX-License-Identifier: Apache-2.0
#include "model/norm.h"

#include <ATen/Dispatch.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <cmath>

#include "model/dot.h"
#include "model/rows.h"

namespace causeway {

Normed normalise(const at::Tensor& x_MC, double eps) {
  const int64_t channels = x_MC.size(1);
  Normed normed{at::empty_like(x_MC), at::empty({x_MC.size(0)}, x_MC.options())};
  AT_DISPATCH_FLOATING_TYPES(x_MC.scalar_type(), "normalise", [&] {
    const scalar_t* all_x = x_MC.const_data_ptr<scalar_t>();
    scalar_t* all_y = normed.y_MC.data_ptr<scalar_t>();
    scalar_t* scales = normed.scale_M.data_ptr<scalar_t>();
    each_row(x_MC.size(0), channels, [=](int64_t row) {
      const scalar_t* x = all_x + row * channels;
      scalar_t* y = all_y + row * channels;
      const auto mean = dot(x, x, channels) / static_cast<scalar_t>(channels);
      const scalar_t scale = 1 / std::sqrt(mean + static_cast<scalar_t>(eps));
      scales[row] = scale;
      for (int64_t c = 0; c < channels; ++c) y[c] = x[c] * scale;
    });
  });
  return normed;
}

void normalise_backward(const Normed& normed, const at::Tensor& dy_MC, const at::Tensor& dx_MC) {
  const int64_t channels = dy_MC.size(1);
  AT_DISPATCH_FLOATING_TYPES(dy_MC.scalar_type(), "normalise_backward", [&] {
    const scalar_t* all_y = normed.y_MC.const_data_ptr<scalar_t>();
    const scalar_t* scales = normed.scale_M.const_data_ptr<scalar_t>();
    const scalar_t* all_dy = dy_MC.const_data_ptr<scalar_t>();
    scalar_t* all_dx = dx_MC.data_ptr<scalar_t>();
    each_row(dy_MC.size(0), channels, [=](int64_t row) {
      const scalar_t* y = all_y + row * channels;
      const scalar_t* dy = all_dy + row * channels;
      scalar_t* dx = all_dx + row * channels;
      const scalar_t along = dot(dy, y, channels) / static_cast<scalar_t>(channels);
      const scalar_t scale = scales[row];
      for (int64_t c = 0; c < channels; ++c) dx[c] += scale * (dy[c] - y[c] * along);
    });
  });
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
//
// AdamW's step (plugins/adamw.cpp has the equations), also for what the optimizers that treat
// matrices whole leave to it.
#pragma once

#include <cmath>
#include <span>
#include <vector>

#include "optim/pass.h"

namespace causeway {

/// One pass of AdamW; betas are two.
inline void adamw_step(const Update& update, const std::vector<double>& betas, double epsilon,
                       double weight_decay, std::span<float> values,
                       std::span<const float> gradients, std::span<const std::span<float>> states) {
  const Pass pass = begin_pass(update, weight_decay, 2, values, gradients, states);
  const double n = static_cast<double>(update.count + 1);
  const Average first(betas[0]), second(betas[1]);
  const float rate = static_cast<float>(update.rate / (1 - std::pow(betas[0], n)));
  const float root = static_cast<float>(std::sqrt(1 - std::pow(betas[1], n)));
  const float eps = static_cast<float>(epsilon);
  elementwise(
      values.size(),
      [=](float& x, float gradient, float& u, float& v) {
        const float g = pass.scale * gradient;
        u = first.keep * u + first.add * g;
        v = second.keep * v + second.add * g * g;
        x = x * pass.keep - rate * u / (std::sqrt(v) / root + eps);
      },
      values.data(), gradients.data(), states[0].data(), states[1].data());
}

}  // namespace causeway

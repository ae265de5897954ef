// SPDX-License-Identifier: Apache-2.0
#include "optim/whole.h"

#include <cmath>

namespace causeway {

void adam_direction(const AdaptiveOptions& options, int64_t count, std::span<float> values,
                    std::span<float> u, std::span<float> v) {
  CW_CHECK(std::min(u.size(), v.size()) >= values.size(), "{} values, moments of {}", values.size(),
           u.size());
  const double n = static_cast<double>(count + 1);
  const Average first(options.betas[0]), second(options.betas[1]);
  const float whole = static_cast<float>(1 - std::pow(options.betas[0], n));
  const float root = static_cast<float>(std::sqrt(1 - std::pow(options.betas[1], n)));
  const float eps = static_cast<float>(options.eps);
  elementwise(
      values.size(),
      [=](float& value, float& mean, float& square) {
        mean = first.keep * mean + first.add * value;
        square = second.keep * square + second.add * value * value;
        value = mean / whole / (std::sqrt(square) / root + eps);
      },
      values.data(), u.data(), v.data());
}

}  // namespace causeway

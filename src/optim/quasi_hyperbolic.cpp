// SPDX-License-Identifier: Apache-2.0
#include "optim/quasi_hyperbolic.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace causeway {
namespace {

double sum(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

}  // namespace

void QuasiHyperbolicOptions::check(const Location& where, Mistakes& mistakes) {
  const size_t before = mistakes.size();
  if (betas.empty() || betas.size() > Moments::kMost)
    mistakes.add(where, fmt::format("`betas` has {} numbers; wanted: 1 to {}", betas.size(),
                                    Moments::kMost));
  if (omegas.size() != betas.size())
    mistakes.add(where, fmt::format("`omegas` has {} numbers; wanted: {}, as many as `betas`",
                                    omegas.size(), betas.size()));
  // Ten times 0.1 is a little more than 1 in binary; nobody means that.
  if (sum(omegas) > 1 + 1e-9)
    mistakes.add(where, fmt::format("`omegas` sum to {}; wanted: at most 1", sum(omegas)));
  if (mistakes.size() == before) return;
  betas = QuasiHyperbolicOptions{}.betas;
  omegas = QuasiHyperbolicOptions{}.omegas;
}

std::vector<std::string> QuasiHyperbolicOptions::states() const {
  std::vector<std::string> names;
  for (size_t j = 0; j < betas.size(); ++j)
    names.push_back(betas.size() == 1 ? "u" : fmt::format("u{}", j + 1));
  names.push_back("v");
  return names;
}

Moments::Moments(const QuasiHyperbolicOptions& options, bool correct, double n)
    : rest_(static_cast<float>(std::max(0.0, 1 - sum(options.omegas)))) {
  for (size_t j = 0; j < options.betas.size(); ++j) {
    const double part = correct ? 1 - std::pow(options.betas[j], n) : 1;
    averages_.emplace_back(options.betas[j]);
    weights_.push_back(static_cast<float>(options.omegas[j] / part));
  }
}

void Moments::mix(size_t start, size_t count, const Block& z,
                  std::span<const std::span<float>> moments, Block& d) const {
  const float rest = rest_;
  elementwise(count, [=](float& mixed, float now) { mixed = rest * now; }, d.data(), z.data());
  for (size_t j = 0; j < averages_.size(); ++j) {
    const Average average = averages_[j];
    const float weight = weights_[j];
    elementwise(
        count,
        [=](float& mixed, float now, float& u) {
          u = average.keep * u + average.add * now;
          mixed += weight * u;
        },
        d.data(), z.data(), moments[j].data() + start);
  }
}

}  // namespace causeway

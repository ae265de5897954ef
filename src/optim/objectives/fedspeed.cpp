// SPDX-License-Identifier: Apache-2.0
//
// FedSpeed: a pull to the round's start, a correction of what that pull costs, and a gradient that
// looks up the slope for flat places (Sun et al., arXiv:2302.10429, Algorithm 1).
//
//   anchor <- x when a round begins
//   g1 = grad L(x);  g2 = grad L(x + rho g1 / |g1|);  both of the same batch
//   g = (1 - alpha) g1 + alpha g2 - c + (x - anchor) / lambda
//
// Only the worker's own side of a step is here. At the round's end its port updates the correction
// in state `c`, c <- c - (x - anchor) / lambda, and offers x - lambda c; while no port writes c it
// is zero. alpha = 0 leaves out the second gradient. The way up the slope has length rho, as in
// sharpness-aware minimisation; the paper's equation has rho g1.
#include <cmath>

#include "core/elementwise.h"
#include "core/squared_norm.h"
#include "optim/objective.h"
#include "optim/round_start.h"

namespace causeway {
namespace {

class FedSpeed final : public Objective {
 public:
  struct Options {
    double rho = 0.1;
    double alpha = 0.5;
    double lambda = 10;

    template <class Visit>
    void each(Visit&& visit) {
      visit("rho", rho, Range<double>{0, 1000}, "", "How far up the slope the second gradient is.");
      visit("alpha", alpha, Range<double>{0, 1}, "", "Weight of the second gradient.");
      visit("lambda", lambda, Range<double>{1e-6, 1e30}, "",
            "Softness of the pull to the round's start: it is divided by this.");
    }
  };
  explicit FedSpeed(const Options& options) : options_(options) {}

  std::vector<std::string> states() const override { return {"anchor", "c"}; }
  int64_t copies() const override { return options_.alpha > 0 ? 2 : 0; }

  Outcome step(Subject& subject, const ObjectiveStep& step) const override {
    keep_round_start(subject, step, "anchor");
    const double loss = subject.gradient();
    if (options_.alpha > 0) mix_perturbed(subject);
    const auto pull = static_cast<float>(1 / options_.lambda);
    const std::span<float> g = subject.state("g");
    elementwise(
        g.size(),
        [=](float& gradient, float c, float x, float anchor) {
          gradient = gradient - c + pull * (x - anchor);
        },
        g.data(), subject.state("c").data(), subject.state("x").data(),
        subject.state("anchor").data());
    return {loss};
  }

 private:
  /// g = (1 - alpha) g + alpha g2.
  void mix_perturbed(Subject& subject) const {
    const std::span<float> x = subject.state("x"), g = subject.state("g");
    const double norm = std::sqrt(squared_norm(g));
    if (!(norm > 0) || !std::isfinite(norm)) return;
    const std::vector<float> here(x.begin(), x.end()), first(g.begin(), g.end());
    const auto up = static_cast<float>(options_.rho / norm);
    elementwise(
        x.size(), [=](float& value, float gradient) { value += up * gradient; }, x.data(),
        first.data());
    subject.gradient();
    std::ranges::copy(here, x.begin());
    const auto alpha = static_cast<float>(options_.alpha);
    const auto rest = static_cast<float>(1 - options_.alpha);
    elementwise(
        g.size(), [=](float& second, float gradient) { second = rest * gradient + alpha * second; },
        g.data(), first.data());
  }

  Options options_;
};

}  // namespace

extern const Entry<Objective> objectives_fedspeed;
const Entry<Objective> objectives_fedspeed = entry<Objective, FedSpeed>(
    "fedspeed", "A corrected pull to the round's start, and a look up the slope (FedSpeed).");

}  // namespace causeway

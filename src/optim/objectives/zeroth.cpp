// SPDX-License-Identifier: Apache-2.0
//
// A gradient from two losses: the slope along one random direction, for training that sends one
// number a step ("just one byte": Zelikman et al., arXiv:2306.10015), and no backward pass (SPSA:
// Spall, IEEE Transactions on Automatic Control, 1992).
//
//   c = (L(x + eps z) - L(x - eps z)) / (2 eps), in float32;  z in {-1, +1}^P;  g = c z
//
// z is drawn from seed, step and worker (core/direction.h), so c is all that others need: it is
// g[0] z[0] exactly, of the first value of the layout. With one worker it is SPSA with the inner
// optimizer. Losses are of float32 products whatever train.precision is. The loss that is told is
// the mean of the two.
#include <algorithm>

#include "core/direction.h"
#include "core/elementwise.h"
#include "optim/objective.h"

namespace causeway {
namespace {

class Zeroth final : public Objective {
 public:
  struct Options {
    double eps = 1e-3;

    template <class Visit>
    void each(Visit&& visit) {
      visit("eps", eps, Range<double>{1e-9, 10}, "", "How far from x the losses are taken.");
    }
  };
  explicit Zeroth(const Options& options) : options_(options) {}

  int64_t copies() const override { return 1; }

  Outcome step(Subject& subject, const ObjectiveStep& step) const override {
    const std::span<float> x = subject.state("x"), g = subject.state("g");
    std::ranges::fill(g, 0.0f);
    for (const Subject::Place& place : subject.places())
      fill_direction(step.seed, step.step, step.worker, place.begin,
                     g.subspan(place.at, place.count));
    const std::vector<float> here(x.begin(), x.end());
    const double above = loss_at(subject, here, options_.eps);
    const double below = loss_at(subject, here, -options_.eps);
    std::ranges::copy(here, x.begin());
    const auto slope = static_cast<float>((above - below) / (2 * options_.eps));
    elementwise(g.size(), [=](float& value) { value *= slope; }, g.data());
    return {(above + below) / 2};
  }

 private:
  /// L(here + distance z), where z is in g.
  static double loss_at(Subject& subject, const std::vector<float>& here, double distance) {
    const auto by = static_cast<float>(distance);
    elementwise(
        here.size(), [=](float& x, float from, float z) { x = from + by * z; },
        subject.state("x").data(), here.data(), subject.state("g").data());
    return subject.loss();
  }

  Options options_;
};

}  // namespace

extern const Entry<Objective> objectives_zeroth;
const Entry<Objective> objectives_zeroth = entry<Objective, Zeroth>(
    "zeroth", "A slope from two losses along a random direction; no backward pass.");

}  // namespace causeway

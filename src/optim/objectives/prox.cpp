// SPDX-License-Identifier: Apache-2.0
//
// FedProx: the loss and a spring to where the round began, so that sites of unlike data do not
// drift as far (Li et al., arXiv:1812.06127, Algorithm 2).
//
//   anchor <- x when a round begins;  g = grad L(x) + mu (x - anchor)
#include "core/elementwise.h"
#include "optim/objective.h"
#include "optim/round_start.h"

namespace causeway {
namespace {

class Prox final : public Objective {
 public:
  struct Options {
    double mu = 0.01;

    template <class Visit>
    void each(Visit&& visit) {
      visit("mu", mu, Range<double>{0, 1e6}, "", "Strength of the pull to the round's start.");
    }
  };
  explicit Prox(const Options& options) : options_(options) {}

  std::vector<std::string> states() const override { return {"anchor"}; }

  Outcome step(Subject& subject, const ObjectiveStep& step) const override {
    keep_round_start(subject, step, "anchor");
    const double loss = subject.gradient();
    const auto mu = static_cast<float>(options_.mu);
    const std::span<float> g = subject.state("g");
    elementwise(
        g.size(), [=](float& gradient, float x, float anchor) { gradient += mu * (x - anchor); },
        g.data(), subject.state("x").data(), subject.state("anchor").data());
    return {loss};
  }

 private:
  Options options_;
};

}  // namespace

extern const Entry<Objective> objectives_prox;
const Entry<Objective> objectives_prox =
    entry<Objective, Prox>("prox", "The loss and a pull to the round's start (FedProx).");

}  // namespace causeway

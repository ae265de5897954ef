// SPDX-License-Identifier: Apache-2.0
//
// FedAMD: in each round some workers, the anchors, stay where they are and measure the gradient
// with all their batches, and the others, the miners, train with gradients whose variance that
// measure takes away (Wu et al., arXiv:2206.05891, Algorithm 1). A coin gives the roles
// (core/coin.h), the same for all who ask. With x0 the round's start, in state `start`:
//
//   anchor  large <- mean over the round's steps of grad L(x0; B);  no update
//   miner   g = grad L(x; B) - grad L(x0; B) + vbar
//
// vbar is the anchors' consensus of `large`, written by a port; while none has written it, it is
// zero, and miners find no direction in the first step of a round. `large` is zero where a round
// begins. Rounds are counted by `period` from the first step, for the coin alone, so that a group
// plug-in, which knows the steps that are done, tosses the same one.
#include "core/coin.h"
#include "core/elementwise.h"
#include "optim/objective.h"
#include "optim/round_start.h"

namespace causeway {
namespace {

class FedAmd final : public Objective {
 public:
  struct Options {
    double probability = 0.5;
    int64_t period = 1;

    template <class Visit>
    void each(Visit&& visit) {
      visit("probability", probability, Range<double>{0, 1}, "",
            "Of each worker to be an anchor in a round.");
      visit("period", period, Range<int64_t>{1, 1'000'000'000}, "steps",
            "Steps of a round: one draw of roles holds so long.");
    }
  };
  explicit FedAmd(const Options& options) : options_(options) {}

  std::vector<std::string> states() const override { return {"start", "large", "vbar"}; }
  int64_t copies() const override { return 2; }

  Outcome step(Subject& subject, const ObjectiveStep& step) const override {
    keep_round_start(subject, step, "start");
    if (step.new_round()) std::ranges::fill(subject.state("large"), 0.0f);
    const int64_t round = (step.step - 1) / options_.period;
    return is_anchor(step.seed, round, step.worker, options_.probability) ? anchor(subject, step)
                                                                          : mine(subject);
  }

 private:
  static Outcome anchor(Subject& subject, const ObjectiveStep& step) {
    const double loss = subject.gradient();
    const auto part = static_cast<float>(1.0 / static_cast<double>(step.steps_in_round + 1));
    const std::span<float> large = subject.state("large");
    elementwise(
        large.size(), [=](float& mean, float gradient) { mean += part * (gradient - mean); },
        large.data(), subject.state("g").data());
    return {loss, false};
  }

  static Outcome mine(Subject& subject) {
    const std::span<float> x = subject.state("x"), g = subject.state("g");
    const std::vector<float> here(x.begin(), x.end());
    std::ranges::copy(subject.state("start"), x.begin());
    subject.gradient();
    std::ranges::copy(here, x.begin());
    const std::vector<float> at_start(g.begin(), g.end());
    const double loss = subject.gradient();
    elementwise(
        g.size(), [](float& gradient, float old, float mean) { gradient = gradient - old + mean; },
        g.data(), at_start.data(), subject.state("vbar").data());
    return {loss};
  }

  Options options_;
};

}  // namespace

extern const Entry<Objective> objectives_fedamd;
const Entry<Objective> objectives_fedamd = entry<Objective, FedAmd>(
    "fedamd", "Anchors measure the gradient, miners train with less variance (FedAMD).");

}  // namespace causeway

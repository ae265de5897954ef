// SPDX-License-Identifier: Apache-2.0
//
// SparsyFed: weights are w = v |v|^(beta - 1) of trained values v, so that small ones move little
// and zeros stay (Guastella et al., arXiv:2504.05153; the powerpropagation of Schwarz et al.,
// arXiv:2110.00296). Here x holds w, as models, codecs and consensus see it, and the change of v is
// carried over to w in first order:
//
//   dw/dv = beta |v|^(beta - 1) = beta |w|^(1 - 1/beta)
//   v - lr dL/dv  is about  w - lr (dw/dv)^2 dL/dw:  g = beta^2 |w|^(2 - 2/beta) grad L(w)
//
// Matrices only; norms keep their gradient. An optimizer that divides by its gradients' size, as
// Adam's, undoes most of the scale: this is meant for sgd. The top-k of the round's change, which
// makes weights sparse, is the channel's codec. beta = 1 is `plain`.
#include <cmath>

#include "optim/objective.h"

namespace causeway {
namespace {

class SparsyFed final : public Objective {
 public:
  struct Options {
    double beta = 1.25;

    template <class Visit>
    void each(Visit&& visit) {
      visit("beta", beta, Range<double>{1, 100}, "",
            "Power of the weights; 1: the plain gradient.");
    }
  };
  explicit SparsyFed(const Options& options) : options_(options) {}

  Outcome step(Subject& subject, const ObjectiveStep&) const override {
    const double loss = subject.gradient();
    const auto factor = static_cast<float>(options_.beta * options_.beta);
    const auto power = static_cast<float>(2 - 2 / options_.beta);
    const std::span<float> x = subject.state("x"), g = subject.state("g");
    for (const Subject::Place& place : subject.places())
      for (size_t i = place.at; place.matrix && i < place.at + place.count; ++i)
        g[i] *= factor * std::pow(std::abs(x[i]), power);
    return {loss};
  }

 private:
  Options options_;
};

}  // namespace

extern const Entry<Objective> objectives_sparsyfed;
const Entry<Objective> objectives_sparsyfed = entry<Objective, SparsyFed>(
    "sparsyfed", "Weights as powers of what is trained: small ones move little (SparsyFed).");

}  // namespace causeway

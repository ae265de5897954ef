// SPDX-License-Identifier: Apache-2.0
//
// Federated averaging: the anchor moves by the mean change, times a rate (McMahan et al.,
// arXiv:1602.05629, Algorithm 1, where the rate is 1; Reddi et al., arXiv:2003.00295).
//
//   anchor <- anchor - lr delta
#include "sync/outers/pass.h"

namespace causeway {
namespace {

class Sgd final : public OuterOptimizer {
 public:
  struct Options {
    double lr = 1;

    template <class Visit>
    void each(Visit&& visit) {
      visit("lr", lr, kOuterRateRange, "", "Outer learning rate; 1 is plain averaging.");
    }
  };

  explicit Sgd(const Options& options) : options_(options) {}

  std::vector<std::string_view> buffers() const override { return {}; }

  void step(int64_t round, std::span<const float> delta, std::span<float> anchor,
            std::span<const std::span<float>> buffers) const override {
    check_outer_pass(round, 0, delta, anchor, buffers);
    const float rate = static_cast<float>(options_.lr);
    elementwise(
        anchor.size(), [=](float& x, float d) { x -= rate * d; }, anchor.data(), delta.data());
  }

 private:
  Options options_;
};

}  // namespace

extern const Entry<OuterOptimizer> outer_optimizers_sgd;
const Entry<OuterOptimizer> outer_optimizers_sgd =
    entry<OuterOptimizer, Sgd>("sgd", "Moves by the mean change times a rate; no buffer.");

}  // namespace causeway

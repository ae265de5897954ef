// SPDX-License-Identifier: Apache-2.0
//
// The values with |value| >= least (Strom, "Scalable Distributed DNN Training Using Commodity GPU
// Cloud Computing", Interspeech 2015, without its fixed step). An exact zero is never sent.
#include <algorithm>

#include "codec/magnitudes.h"
#include "codec/selector.h"

namespace causeway {
namespace {

class Threshold final : public Selector {
 public:
  struct Options {
    double least = 1e-3;
    template <class Visit>
    void each(Visit&& visit) {
      visit("least", least, Range<double>{0, 1e38}, "", "The least |value| that is sent.");
    }
  };
  explicit Threshold(const Options& options)
      : least_(std::max(1, magnitude_bits(least_float(options.least)))) {}

  void select(std::span<const float> block, const Coding&, Selection& selection) const override {
    select_from(block, 0, least_, selection);
  }

 private:
  // Not below it, so that every float is on the side where its exact value is.
  static float least_float(double least) {
    const auto near = static_cast<float>(least);
    return double{near} >= least ? near : std::bit_cast<float>(magnitude_bits(near) + 1);
  }

  int32_t least_;
};

}  // namespace

extern const Entry<Selector> selectors_threshold;
const Entry<Selector> selectors_threshold =
    entry<Selector, Threshold>("threshold", "values of at least a given size");

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
//
// The values with |value| >= least (Strom, "Scalable Distributed DNN Training Using Commodity GPU
// Cloud Computing", Interspeech 2015, without its fixed step). An exact zero is never sent.
#include <algorithm>
#include <cmath>

#include "codec/magnitudes.h"
#include "codec/selector.h"

namespace causeway {
namespace {

class Threshold final : public Selector {
 public:
  struct Options {
    double least = 1e-3;
    double expect = 1;
    template <class Visit>
    void each(Visit&& visit) {
      visit("least", least, Range<double>{0, 1e38}, "", "The least |value| that is sent.");
      visit("expect", expect, Range<double>{0, 1}, "",
            "Part of the values that is expected to be sent. Forecasts go by it; no byte does.");
    }
  };
  explicit Threshold(const Options& options)
      : least_(std::max(1, magnitude_bits(least_float(options.least)))), expect_(options.expect) {}

  int64_t selected_likely(int64_t count) const override {
    return static_cast<int64_t>(std::ceil(expect_ * static_cast<double>(count)));
  }

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
  double expect_;
};

}  // namespace

extern const Entry<Selector> selectors_threshold;
const Entry<Selector> selectors_threshold =
    entry<Selector, Threshold>("threshold", "values of at least a given size");

}  // namespace causeway

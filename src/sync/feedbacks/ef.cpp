// SPDX-License-Identifier: Apache-2.0
// Error feedback: what an encoding loses is added to the next signal, s + decay e, times a gain:
//   p = gain s + decay e;  send Q(p);  e = p - Q(p).
// Seide and others 2014; Karimireddy and others 2019, "Error Feedback Fixes SignSGD". Decay:
// SparseLoCo and MuLoCo forget old losses, e <- beta e + delta.
#include <algorithm>

#include "core/elementwise.h"
#include "sync/port.h"

namespace causeway {
namespace {

class ErrorFeedback final : public Feedback {
 public:
  struct Options {
    double decay = 1;
    double gain = 1;

    template <class Visit>
    void each(Visit&& visit) {
      visit("decay", decay, Range<double>{0, 1}, "", "Part of what was lost that is kept.");
      visit("gain", gain, Range<double>{0, 1e6}, "", "The signal is multiplied by this.");
    }
  };
  explicit ErrorFeedback(const Options& options) : decay_(options.decay), gain_(options.gain) {}

  std::vector<StateSpec> states(int64_t count, Holder holder) const override {
    return {{"residual", count, holder}};
  }
  int64_t kept_values(int64_t count) const override { return count; }
  void prepare(const Firing&, const States& states, std::span<float> signal,
               std::span<float> kept) const override {
    elementwise(
        signal.size(),
        // Rounded once: what is selected hangs on small differences.
        [decay = decay_, gain = gain_](float& value, float lost) {
          value = static_cast<float>(gain * double{value} + decay * double{lost});
        },
        signal.data(), states.get("residual").data());
    std::ranges::copy(signal, kept.begin());
  }
  void settle(std::span<const float> kept, std::span<const float> sent,
              States& states) const override {
    const auto residual = states.edit("residual");
    elementwise(
        residual.size(), [](float& lost, float wanted, float got) { lost = wanted - got; },
        residual.data(), kept.data(), sent.data());
  }

 private:
  const double decay_, gain_;
};

}  // namespace

extern const Entry<Feedback> feedbacks_ef;
const Entry<Feedback> feedbacks_ef =
    entry<Feedback, ErrorFeedback>("ef", "adds what an encoding lost to the next signal");

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
// EF21: the change since what others know is sent, and what they know is kept by all. Richtarik and
// others, arXiv:2106.05203, algorithm 2: c = C(s - h); h += c; the consensus is hbar += mean(c).
// States start at zero.
#include <algorithm>

#include "core/elementwise.h"
#include "sync/feedbacks/sum_changes.h"
#include "sync/port.h"

namespace causeway {
namespace {

class Ef21 final : public Feedback {
 public:
  using Options = NoOptions;
  explicit Ef21(const Options&) {}

  std::vector<StateSpec> states(int64_t count, Holder holder) const override {
    return {{"h", count, holder}, {"hbar", count, Holder::kReplicated}};
  }
  void prepare(const Firing&, const States& states, std::span<float> signal,
               std::span<float>) const override {
    elementwise(
        signal.size(), [](float& value, float known) { value -= known; }, signal.data(),
        states.get("h").data());
  }
  void settle(std::span<const float>, std::span<const float> sent, States& states) const override {
    elementwise(
        sent.size(), [](float& known, float change) { known += change; }, states.edit("h").data(),
        sent.data());
  }
  bool integrates() const override { return true; }
  void integrate(std::span<float> consensus, const StatesPart& states) const override {
    sum_changes(consensus, states, "hbar");
  }
};

}  // namespace

extern const Entry<Feedback> feedbacks_ef21;
const Entry<Feedback> feedbacks_ef21 =
    entry<Feedback, Ef21>("ef21", "sends changes of what the others know");

}  // namespace causeway

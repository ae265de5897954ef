// SPDX-License-Identifier: Apache-2.0
// Error feedback: what an encoding loses is added to the next signal. send Q(s + e); e = (s + e) -
// Q(s + e). Seide and others 2014; Karimireddy and others 2019, "Error Feedback Fixes SignSGD".
#include "core/elementwise.h"
#include "sync/port.h"

namespace causeway {
namespace {

class ErrorFeedback final : public Feedback {
 public:
  using Options = NoOptions;
  explicit ErrorFeedback(const Options&) {}

  std::vector<StateSpec> states(int64_t count, Holder holder) const override {
    return {{"residual", count, holder}};
  }
  void prepare(const States& states, std::span<float> signal) const override {
    const auto residual = states.get("residual");
    elementwise(
        signal.size(), [](float& value, float lost) { value += lost; }, signal.data(),
        residual.data());
  }
  void settle(std::span<const float> prepared, std::span<const float> sent,
              States& states) const override {
    const auto residual = states.edit("residual");
    elementwise(
        residual.size(), [](float& lost, float wanted, float got) { lost = wanted - got; },
        residual.data(), prepared.data(), sent.data());
  }
};

}  // namespace

extern const Entry<Feedback> feedbacks_ef;
const Entry<Feedback> feedbacks_ef =
    entry<Feedback, ErrorFeedback>("ef", "adds what an encoding lost to the next signal");

}  // namespace causeway

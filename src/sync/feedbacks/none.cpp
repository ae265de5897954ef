// SPDX-License-Identifier: Apache-2.0
// What an encoding loses is lost.
#include "sync/port.h"

namespace causeway {
namespace {

class NoFeedback final : public Feedback {
 public:
  using Options = NoOptions;
  explicit NoFeedback(const Options&) {}

  std::vector<StateSpec> states(int64_t, Holder) const override { return {}; }
  void prepare(const Firing&, const States&, std::span<float>, std::span<float>) const override {}
  void settle(std::span<const float>, std::span<const float>, States&) const override {}
};

}  // namespace

extern const Entry<Feedback> feedbacks_none;
const Entry<Feedback> feedbacks_none = entry<Feedback, NoFeedback>("none", "what is lost is lost");

}  // namespace causeway

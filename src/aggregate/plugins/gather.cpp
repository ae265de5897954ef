// SPDX-License-Identifier: Apache-2.0
//
// Nothing is combined: everybody gets all offers, one after the other by worker.
#include "aggregate/rule.h"
#include "core/check.h"

namespace causeway {
namespace {

class Gather final : public Rule {
 public:
  using Options = NoOptions;
  explicit Gather(const Options&) {}

  bool gathers() const override { return true; }
  void fold(std::span<const std::span<const float>>, std::span<const int64_t>,
            std::span<float>) const override {
    CW_CHECK(false, "gathered offers are not folded");
  }
};

}  // namespace

extern const Entry<Rule> rules_gather;
const Entry<Rule> rules_gather = entry<Rule, Gather>("gather", "all offers, one after the other");

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
// FedAvg that gives each tensor of the mean the variance that the models have: the rule `variance`
// has the equation. 1P every K steps.
#include "sync/simple_preset.h"

namespace causeway {
namespace {

struct VarianceTraits {
  static constexpr const char* kRule = "variance";
};

}  // namespace

extern const Entry<Preset> presets_variance_corrected;
const Entry<Preset> presets_variance_corrected = entry<Preset, RulePreset<VarianceTraits>>(
    "variance_corrected", "fedavg whose mean has the variance of the models");

}  // namespace causeway

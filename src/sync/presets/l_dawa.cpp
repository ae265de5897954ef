// SPDX-License-Identifier: Apache-2.0
// L-DAWA: FedAvg where each layer of a worker counts by its cosine with the last mean. Rehman and
// others, arXiv:2307.07393; the rule `cosine` has the equation. 1P every K steps.
#include "sync/simple_preset.h"

namespace causeway {
namespace {

struct LDawaTraits {
  static constexpr const char* kRule = "cosine";
};

}  // namespace

extern const Entry<Preset> presets_l_dawa;
const Entry<Preset> presets_l_dawa = entry<Preset, RulePreset<LDawaTraits>>(
    "l_dawa", "fedavg where layers count by their cosine with the last mean");

}  // namespace causeway

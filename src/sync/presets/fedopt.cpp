// SPDX-License-Identifier: Apache-2.0
// FedOpt: FedAvgM, FedAdam, FedYogi and the like, by the outer optimizer chosen. Reddi and others,
// "Adaptive Federated Optimization", 2021. The default is FedAdam.
#include "sync/delta_preset.h"

namespace causeway {
namespace {

struct FedOptDefaults {
  static constexpr int64_t kPeriod = 32;
  static Plugin outer() { return {"adam", {}}; }
};

}  // namespace

extern const Entry<Preset> presets_fedopt;
const Entry<Preset> presets_fedopt = entry<Preset, DeltaPreset<FedOptDefaults>>(
    "fedopt", "an outer optimizer on the mean delta every K steps");

}  // namespace causeway

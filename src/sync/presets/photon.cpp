// SPDX-License-Identifier: Apache-2.0
// Photon: 128 local steps, the mean delta applied in full (server rate 1, no momentum). Sani and
// others, "Photon: Federated LLM Pre-Training", 2024: the recipe of the authors' script, which is
// not the default of their repository.
#include "sync/delta_preset.h"

namespace causeway {
namespace {

struct PhotonDefaults {
  static constexpr int64_t kPeriod = 128;
  static Plugin outer() { return {"sgd", {}}; }
};

}  // namespace

extern const Entry<Preset> presets_photon;
const Entry<Preset> presets_photon =
    entry<Preset, DeltaPreset<PhotonDefaults>>("photon", "the mean delta in full every 128 steps");

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
// DiLoCo: many local AdamW steps, then Nesterov (0.7, 0.9) on the mean delta. Douillard and others,
// "DiLoCo: Distributed Low-Communication Training of Language Models", 2023, algorithm 1. The paper
// has H = 500; the default here suits shorter runs.
#include "sync/delta_preset.h"

namespace causeway {
namespace {

struct DiLoCoDefaults {
  static constexpr int64_t kPeriod = 64;
  static Plugin outer() { return {"nesterov", {}}; }
};

}  // namespace

extern const Entry<Preset> presets_diloco;
const Entry<Preset> presets_diloco = entry<Preset, DeltaPreset<DiLoCoDefaults>>(
    "diloco", "Nesterov on the mean delta every H steps");

}  // namespace causeway

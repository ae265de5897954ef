// SPDX-License-Identifier: Apache-2.0
// EF21: sparse changes of gradients, every step. Richtarik and others, arXiv:2106.05203; the
// feedback has the equations.
#include "sync/simple_preset.h"

namespace causeway {
namespace {

struct Ef21Traits {
  static void set(Channel& g) { g.weight = Weight::kEqual; }
};

}  // namespace

extern const Entry<Preset> presets_ef21;
const Entry<Preset> presets_ef21 =
    entry<Preset, ChangePreset<Ef21Traits>>("ef21", "sparse changes of gradients, every step");

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
// EF21-W: EF21 where a worker counts by how fast its gradient changes, so that the rate may depend
// on the mean of those numbers and not on the largest. Richtarik, Gasanov and Burlachenko, "Error
// Feedback Reloaded", arXiv:2402.10774, algorithm 3. With shares w_i = L_i / sum L,
//   c = C(g / (n w_i) - h);  h += c;  hbar += sum of w_i c
// L_i is the site's `weight`; alike, it is EF21.
#include "sync/simple_preset.h"

namespace causeway {
namespace {

struct Ef21WTraits {
  static void set(Channel& g) {
    g.port.options.set("balance", true);
    g.weight = Weight::kFixed;
  }
};

}  // namespace

extern const Entry<Preset> presets_ef21w;
const Entry<Preset> presets_ef21w = entry<Preset, ChangePreset<Ef21WTraits>>(
    "ef21w", "ef21 where workers count by their sites' weights");

}  // namespace causeway

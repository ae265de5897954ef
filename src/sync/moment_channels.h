// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sync/preset.h"

namespace causeway {

/// Options of the methods that average each state of the replica with its own period: DES-LOC and
/// what follows from it.
struct MomentOptions {
  int64_t period = 32;
  Value periods = Value::Table{};
  Hook ordering = Hook::kAfterUpdate;
  Plugin server{"mean", {}};

  template <class Visit>
  void each(Visit&& visit) {
    visit("period", period, Range<int64_t>{0, 1'000'000'000}, "steps",
          "Steps between averages of the parameters (K_x); 0: never.");
    visit("periods", periods, Any{}, "steps",
          "Period of each moment, as { u = 96, v = 192 }; 0: never. Default: 3 K_x for first "
          "moments and momenta, 6 K_x for v.");
    visit("ordering", ordering,
          Choices<Hook>{{{"post_step", Hook::kAfterUpdate}, {"pre_step", Hook::kBeforeUpdate}}}, "",
          "Average after the inner update, or before it as the paper's algorithm 1 does.");
    visit("server", server, Required{}, "",
          "mean: the parameters are averaged; else the outer optimizer that moves them.");
  }
  void check(const Location& where, Mistakes& mistakes) const;
};

/// A channel that averages `state` every `period` steps.
Channel average_channel(const std::string& state, int64_t period, Hook hook);

/// The moments' channels, then that of x.
std::vector<Channel> moment_channels(const MomentOptions& options, const PresetContext& context,
                                     Mistakes& mistakes);

}  // namespace causeway

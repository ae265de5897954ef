// SPDX-License-Identifier: Apache-2.0
//
// The plan of a run: which state is exchanged, when, how encoded, by whom, how combined, how
// applied. Plain data: it parses, prints and hashes. A synchronisation method is a list of
// channels.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/options.h"

namespace causeway {

/// Where in a step a channel fires. Values are fixed: logs have them.
enum class Hook : uint8_t {
  kAfterBackward = 1,  ///< the gradient is there and not yet clipped
  kBeforeUpdate = 2,   ///< after the clip, before the inner optimizer
  kAfterUpdate = 3,    ///< the step is finished
};

/// What an offer counts. Values are fixed: logs have them.
enum class Weight : uint8_t {
  kEqual = 1,
  kTokens = 2,  ///< tokens trained since this channel last fired, at most kWeightMax
  kFixed = 3,   ///< the site's `weight`
};

struct Channel {
  std::string name;
  std::string region = "all";   ///< Layout::select
  Plugin port;                  ///< what is offered, what a consensus does
  Plugin feedback{"none", {}};  ///< what an encoding loses, at the sender
  Plugin up{"fp32", {}};
  Plugin down{"fp32", {}};
  Plugin down_feedback{"none", {}};  ///< the same at the folder
  Plugin group{"all", {}};
  Plugin rule{"mean", {}};
  Weight weight = Weight::kTokens;
  Hook hook = Hook::kAfterUpdate;
  int64_t period = 1;
  int64_t phase = 0;
  int64_t delay = 0;
  /// No part of the method: fires once after the run's last step, so that the mean of all replicas
  /// is known where offers are folded. Recipes cannot set it.
  bool closing = false;

  template <class Visit>
  void each(Visit&& visit) {
    visit("name", name, Required{}, "", "Name of the channel, new in its plan.");
    visit(
        "region", region, Required{}, "",
        "Part of the model: all, role=matrix, layers 0..3, fragment 0/2, !role=norm, joined by &.");
    visit("port", port, Required{}, "", "What is offered and what a consensus does.");
    visit("feedback", feedback, Required{}, "", "Error feedback at the sender.");
    visit("up", up, Required{}, "", "Codec of offers.");
    visit("down", down, Required{}, "", "Codec of the consensus.");
    visit("down_feedback", down_feedback, Required{}, "",
          "Error feedback where offers are folded.");
    visit("group", group, Required{}, "", "Who takes part in a round.");
    visit("rule", rule, Required{}, "", "How offers are combined.");
    visit("weight", weight,
          Choices<Weight>{
              {{"equal", Weight::kEqual}, {"tokens", Weight::kTokens}, {"fixed", Weight::kFixed}}},
          "", "What an offer counts in the rule.");
    visit("hook", hook,
          Choices<Hook>{{{"after_backward", Hook::kAfterBackward},
                         {"before_update", Hook::kBeforeUpdate},
                         {"after_update", Hook::kAfterUpdate}}},
          "", "Where in a step the channel fires.");
    visit("period", period, Range<int64_t>{1, 1'000'000'000}, "steps", "Steps between firings.");
    visit("phase", phase, Range<int64_t>{0, 1'000'000'000}, "steps",
          "The channel fires when (steps finished - phase) is a multiple of the period.");
    visit("delay", delay, Range<int64_t>{0, 1'000'000'000}, "steps",
          "Steps from a firing to the hook where its consensus is applied, at most the period; 0: "
          "the worker waits for it at once.");
  }
};

/// Steps that count at a hook of the step with number `step` = 1, 2, ...: the step itself, but
/// before its update only those finished before it.
int64_t steps_at(Hook hook, int64_t step);

/// True if the channel fires at this hook of step `step` = 1, 2, ...
bool is_due(const Channel& channel, Hook hook, int64_t step);

/// How often the channel fires in the steps `first` to `last`, both in.
int64_t firings(const Channel& channel, int64_t first, int64_t last);

/// How often a consensus of the channel is applied in these steps: `delay` steps after it fired.
int64_t applications(const Channel& channel, int64_t first, int64_t last);

struct Plan {
  std::vector<Channel> channels;
};

/// The channel that closes a run of so many steps: all parameters, exact, in equal parts.
Channel closing_channel(int64_t steps);

/// The plan as a table, every default written out: the digest of its text identifies a method.
Value to_value(const Plan& plan);

}  // namespace causeway

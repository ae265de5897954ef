// SPDX-License-Identifier: Apache-2.0
//
// What the live page holds, as one JSON object, and how it is brought up to date: by merge patches
// (RFC 7396) that name only what changed, and by new points of its curves. Lists that change are
// objects by number here, so that a patch need not repeat them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "web/view_history.h"

namespace causeway {

/// {"view": ..., "members": {"0": ...}, "rounds": {"7": ...}, "events": {"3": ...}}. Numbers are
/// rounded to what a page can show.
nlohmann::json page_state(const HubView& view, const ViewHistory& history);

/// The merge patch that makes `to` of `from`, both objects; an empty object if they are equal.
/// Nothing in `to` is null: null in a patch takes away.
nlohmann::json merge_patch(const nlohmann::json& from, const nlohmann::json& to);

/// {"sites": [name, ...], "loss": [[site, whole, window_steps, [step, mean, step, mean, ...]],
/// ...],
///  "traffic": [whole, [at_s, up_bytes, down_bytes, ddp_bytes, up_per_s, down_per_s, ...]]}:
/// all points of the curves, or those new since the last call; then what has no news is left out.
nlohmann::json whole_curves(const ViewHistory& history);
nlohmann::json take_new_points(ViewHistory& history);

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "web/live_run.h"

#include <fmt/format.h>

#include <utility>

#include "web/json_writer.h"
#include "web/page_state.h"

namespace causeway {
namespace {

// JSON text has no line breaks, which would end an event's data.
std::string event_text(std::string_view name, const nlohmann::json& data) {
  return fmt::format("event: {}\ndata: {}\n\n", name, json_text(data));
}

}  // namespace

void LiveRun::show(const HubView& view) {
  const std::lock_guard lock(mutex_);
  history_.add(view);
  last_ = view;
  nlohmann::json state = page_state(view, history_);
  nlohmann::json change = take_new_points(history_);
  change["patch"] = merge_patch(state_, state);
  state_ = std::move(state);
  start_.reset();
  broadcast_.publish(event_text("change", change));
}

std::optional<HubView> LiveRun::last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

Broadcast::Frame LiveRun::follow(int64_t& number) const {
  const std::lock_guard lock(mutex_);
  if (!start_) {
    nlohmann::json start = whole_curves(history_);
    start["state"] = state_;
    start_ = std::make_shared<const std::string>(event_text("start", start));
  }
  number = broadcast_.next();
  return start_;
}

}  // namespace causeway

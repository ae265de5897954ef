// SPDX-License-Identifier: Apache-2.0
#include "web/view_history.h"

#include <algorithm>

namespace causeway {
namespace {

bool same(const EventView& a, const EventView& b) {
  return a.at_s == b.at_s && a.worker == b.worker && a.text == b.text;
}

}  // namespace

void ViewHistory::add(const HubView& view) {
  for (const RoundView& round : view.recent) rounds_.insert_or_assign(round.round, round);
  while (rounds_.size() > kRoundsMax) rounds_.erase(rounds_.begin());
  add_events(view.events);
  add_losses(view);
  traffic_.add(view);
}

// A view has the last events, most of which came with the view before: the new ones are those
// behind the last one known.
void ViewHistory::add_events(const std::vector<EventView>& events) {
  auto first = events.begin();
  if (!events_.empty()) {
    const auto known = std::find_if(events.rbegin(), events.rend(), [&](const EventView& event) {
      return same(event, events_.back().second);
    });
    first = known != events.rend()
                ? known.base()
                : std::find_if(events.begin(), events.end(), [&](const EventView& event) {
                    return event.at_s >= events_.back().second.at_s;
                  });
  }
  for (; first != events.end(); ++first) events_.emplace_back(events_seen_++, *first);
  while (events_.size() > kEventsMax) events_.pop_front();
}

void ViewHistory::add_losses(const HubView& view) {
  std::map<int32_t, Site*> site_of_worker;
  for (const MemberView& member : view.members) site_of(member.site);
  for (const MemberView& member : view.members)
    if (Site* site = site_of(member.site)) site_of_worker[member.worker] = site;
  for (const LossPoint& point : view.losses) {
    const auto site = site_of_worker.find(point.worker);
    if (site != site_of_worker.end()) site->second->loss.add(point.step, point.loss);
  }
}

ViewHistory::Site* ViewHistory::site_of(const std::string& name) {
  const auto found = std::ranges::find(sites_, name, &Site::name);
  if (found != sites_.end()) return &*found;
  if (sites_.size() == kSitesMax) return nullptr;
  return &sites_.emplace_back(Site{name, SiteCurve(points_max_)});
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "web/site_curve.h"
#include "web/traffic_curve.h"
#include "web/view.h"

namespace causeway {

/// What a page shows of the past: more than the last view has, and bounded. Not thread-safe.
class ViewHistory {
 public:
  static constexpr size_t kRoundsMax = 200, kEventsMax = 200, kSitesMax = 256;

  struct Site {
    std::string name;
    SiteCurve loss;
  };

  explicit ViewHistory(size_t points_max) : points_max_(points_max), traffic_(points_max) {}

  /// Views come in order of time.
  void add(const HubView& view);

  const std::map<int64_t, RoundView>& rounds() const { return rounds_; }
  /// With the number that an event keeps.
  const std::deque<std::pair<int64_t, EventView>>& events() const { return events_; }
  /// In the order of their appearance. Losses of further sites than kSitesMax are not kept.
  const std::vector<Site>& sites() const { return sites_; }
  const TrafficCurve& traffic() const { return traffic_; }

  /// What is new since the last call.
  SiteCurve::Change take_loss_change(size_t site) { return sites_[site].loss.take_change(); }
  TrafficCurve::Change take_traffic_change() { return traffic_.take_change(); }
  bool take_sites_change() { return std::exchange(sites_told_, sites_.size()) != sites_.size(); }

 private:
  void add_losses(const HubView& view);
  void add_events(const std::vector<EventView>& events);
  Site* site_of(const std::string& name);

  size_t points_max_;
  std::map<int64_t, RoundView> rounds_;
  std::deque<std::pair<int64_t, EventView>> events_;
  int64_t events_seen_ = 0;
  std::vector<Site> sites_;
  size_t sites_told_ = 0;
  TrafficCurve traffic_;
};

}  // namespace causeway

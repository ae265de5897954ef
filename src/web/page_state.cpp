// SPDX-License-Identifier: Apache-2.0
#include "web/page_state.h"

#include <cmath>

#include "web/json_writer.h"

namespace causeway {
namespace {

using Json = nlohmann::json;

double rounded(double value, int digits) {
  if (value == 0 || !std::isfinite(value)) return value;
  const double scale = std::pow(10.0, digits - 1 - std::floor(std::log10(std::abs(value))));
  return std::isfinite(scale) && scale > 0 ? std::round(value * scale) / scale : value;
}

double tenths(double value) { return std::round(value * 10) / 10; }
double thousandths(double value) { return std::round(value * 1e3) / 1e3; }

template <class View>
Json object_of(const View& view) {
  Json object = Json::object();
  JsonWriter writer(object);
  each_field(writer, view);
  return object;
}

// A merge patch cannot say null: what is not known is not there.
void drop_nulls(Json& object) {
  for (auto entry = object.begin(); entry != object.end();)
    entry = entry->is_null() ? object.erase(entry) : std::next(entry);
}

Json member_json(MemberView member) {
  member.loss = rounded(member.loss, 6);
  for (double* rate : {&member.steps_per_s, &member.tokens_per_s, &member.up_bytes_per_s,
                       &member.down_bytes_per_s, &member.round_trip_ms})
    *rate = rounded(*rate, 3);
  member.heard_s_ago = tenths(member.heard_s_ago);
  Json json = object_of(member);
  drop_nulls(json);
  return json;
}

Json round_json(const RoundView& view) {
  RoundView round = view;
  for (double* time : {&round.opened_s, &round.closed_s, &round.decided_s})
    *time = thousandths(*time);
  Json json = object_of(round);
  Json arrivals = Json::object(), absent = Json::object();
  for (const auto& [worker, at_s] : round.arrivals)
    arrivals[std::to_string(worker)] = thousandths(at_s);
  for (const auto& [worker, reason] : round.absent) absent[std::to_string(worker)] = reason;
  json["arrivals"] = std::move(arrivals);
  json["absent"] = std::move(absent);
  drop_nulls(json);
  return json;
}

Json view_json(const HubView& view) {
  Json json = Json::object();
  JsonWriter writer(json);
  each_own_field(writer, view);
  json["now_s"] = tenths(view.now_s);
  json["seconds_left"] = view.seconds_left < 0 ? Json() : Json(std::round(view.seconds_left));
  drop_nulls(json);
  return json;
}

Json loss_json(size_t site, const SiteCurve::Change& change) {
  Json numbers = Json::array();
  for (const SiteCurve::Point& point : change.points) {
    numbers.push_back(point.step);
    numbers.push_back(rounded(point.mean, 6));
  }
  return {site, change.whole, change.window_steps, std::move(numbers)};
}

Json traffic_json(const TrafficCurve::Change& change) {
  Json numbers = Json::array();
  for (const TrafficCurve::Point& point : change.points) {
    numbers.push_back(tenths(point.at_s));
    for (const int64_t bytes : {point.up_bytes, point.down_bytes, point.ddp_bytes})
      numbers.push_back(bytes);
    numbers.push_back(rounded(point.up_bytes_per_s, 4));
    numbers.push_back(rounded(point.down_bytes_per_s, 4));
  }
  return {change.whole, std::move(numbers)};
}

Json site_names(const ViewHistory& history) {
  Json names = Json::array();
  for (const ViewHistory::Site& site : history.sites()) names.push_back(site.name);
  return names;
}

}  // namespace

Json page_state(const HubView& view, const ViewHistory& history) {
  Json members = Json::object(), rounds = Json::object(), events = Json::object();
  for (const MemberView& member : view.members)
    members[std::to_string(member.worker)] = member_json(member);
  for (const auto& [number, round] : history.rounds())
    rounds[std::to_string(number)] = round_json(round);
  for (const auto& [number, event] : history.events())
    events[std::to_string(number)] = object_of(event);
  return {{"view", view_json(view)},
          {"members", std::move(members)},
          {"rounds", std::move(rounds)},
          {"events", std::move(events)}};
}

Json merge_patch(const Json& from, const Json& to) {
  Json patch = Json::object();
  for (const auto& [key, value] : from.items())
    if (!to.contains(key)) patch[key] = nullptr;
  for (const auto& [key, value] : to.items()) {
    const auto before = from.find(key);
    if (before != from.end() && value.is_object() && before->is_object()) {
      if (Json inner = merge_patch(*before, value); !inner.empty()) patch[key] = std::move(inner);
    } else if (before == from.end() || *before != value) {
      patch[key] = value;
    }
  }
  return patch;
}

Json whole_curves(const ViewHistory& history) {
  Json loss = Json::array();
  for (size_t i = 0; i < history.sites().size(); ++i)
    loss.push_back(loss_json(i, history.sites()[i].loss.whole()));
  return {{"sites", site_names(history)},
          {"loss", std::move(loss)},
          {"traffic", traffic_json(history.traffic().whole())}};
}

Json take_new_points(ViewHistory& history) {
  Json json = Json::object(), loss = Json::array();
  for (size_t i = 0; i < history.sites().size(); ++i) {
    const SiteCurve::Change change = history.take_loss_change(i);
    if (!change.points.empty()) loss.push_back(loss_json(i, change));
  }
  if (!loss.empty()) json["loss"] = std::move(loss);
  if (history.take_sites_change()) json["sites"] = site_names(history);
  const TrafficCurve::Change traffic = history.take_traffic_change();
  if (!traffic.points.empty()) json["traffic"] = traffic_json(traffic);
  return json;
}

}  // namespace causeway

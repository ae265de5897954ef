// SPDX-License-Identifier: Apache-2.0
//
// Prometheus' text format 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/
// All of a family's samples follow its HELP and TYPE lines. docs/monitoring.md lists the names.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <functional>

#include "core/utf8.h"
#include "web/web_server.h"

namespace causeway {
namespace {

using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

void put_label_value(std::string& out, std::string_view value) {
  for (const char c : replace_bad_utf8(value)) {
    if (c == '\n')
      out += "\\n";
    else if (c == '"' || c == '\\')
      (out += '\\') += c;
    else
      out += c;
  }
}

void put_number(std::string& out, int64_t value) { out += fmt::format("{}", value); }
void put_number(std::string& out, double value) {
  if (std::isnan(value))
    out += "NaN";
  else if (std::isinf(value))
    out += value > 0 ? "+Inf" : "-Inf";
  else
    out += fmt::format("{}", value);
}

/// One metric: its head at once, then its samples.
class Family {
 public:
  Family(std::string& out, std::string_view name, std::string_view type, std::string_view help)
      : out_(out), name_(fmt::format("causeway_{}", name)) {
    out_ += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name_, help, type);
  }

  template <class T>
  Family& add(const Labels& labels, T value) {
    out_ += name_;
    for (size_t i = 0; i < labels.size(); ++i) {
      out_ += i == 0 ? '{' : ',';
      (out_ += labels[i].first) += "=\"";
      put_label_value(out_, labels[i].second);
      out_ += '"';
    }
    out_ += labels.empty() ? " " : "} ";
    put_number(out_, value);
    out_ += '\n';
    return *this;
  }

 private:
  std::string& out_;
  std::string name_;
};

class Exposition {
 public:
  explicit Exposition(const HubView& view) : view_(view) {}

  std::string text() {
    run();
    traffic();
    hub();
    members();
    return std::move(out_);
  }

 private:
  template <class T>
  void gauge(std::string_view name, std::string_view help, T value) {
    Family(out_, name, "gauge", help).add({}, value);
  }
  template <class T>
  void counter(std::string_view name, std::string_view help, T value) {
    Family(out_, name, "counter", help).add({}, value);
  }
  // One sample a member; `value_of` gives it.
  void each_member(std::string_view name, std::string_view type, std::string_view help,
                   const std::function<double(const MemberView&)>& value_of) {
    Family family(out_, name, type, help);
    for (const MemberView& member : view_.members) {
      const std::string worker = fmt::format("{}", member.worker);
      family.add({{"worker", worker}, {"site", member.site}}, value_of(member));
    }
  }
  void run();
  void traffic();
  void hub();
  void members();
  void statuses();
  void losses();
  void member_bytes();

  const HubView& view_;
  std::string out_;
};

void Exposition::run() {
  Family(out_, "run_info", "gauge", "The run, as labels.")
      .add({{"run", view_.run}, {"method", view_.method}, {"version", view_.version}}, int64_t{1});
  gauge("run_steps", "Steps of the whole run.", view_.steps);
  gauge("run_rounds", "Rounds of the whole run.", view_.rounds);
  gauge("run_parameters", "Parameters of the model.", view_.parameters);
  gauge("run_finished", "1 when the last round is decided.", int64_t{view_.finished});
  gauge("run_halted", "1 when nothing is decided any more.", int64_t{!view_.halted.empty()});
  if (view_.seconds_left >= 0)
    gauge("run_left_seconds", "Time that the run will still take.", view_.seconds_left);
  gauge("decided_round", "The last round that was decided.", view_.decided_round);
  gauge("decided_step", "The step of the last round that was decided.", view_.decided_step);
  Family(out_, "rounds_total", "counter", "Rounds decided, by how.")
      .add({{"result", "committed"}}, view_.committed)
      .add({{"result", "aborted"}}, view_.aborted);
}

void Exposition::traffic() {
  Family(out_, "payload_bytes_total", "counter",
         "Payload since the hub started: up from the members, down to them.")
      .add({{"direction", "up"}}, view_.up_bytes)
      .add({{"direction", "down"}}, view_.down_bytes);
  Family(out_, "store_bytes_total", "counter", "The part of it that went by an object store.")
      .add({{"direction", "up"}}, view_.store_up_bytes)
      .add({{"direction", "down"}}, view_.store_down_bytes);
  counter("data_parallel_bytes_total",
          "What float32 gradients of every step would have moved by now.", view_.ddp_bytes);
}

void Exposition::hub() {
  gauge("hub_start_time_seconds", "When the hub started, since 1970.",
        static_cast<double>(view_.started_unix_ms) / 1e3);
  counter("hub_starts_total", "Starts of the hub in this run.", view_.hub_starts);
  gauge("hub_resident_memory_bytes", "Resident memory of the hub.", view_.resident_bytes);
  gauge("hub_spool_bytes", "Offers that the hub keeps.", view_.spool_bytes);
  gauge("hub_spool_limit_bytes", "The most that it may keep.", view_.spool_bytes_max);
  gauge("hub_log_bytes", "The hub's log.", view_.log_bytes);
}

void Exposition::statuses() {
  constexpr std::array kAll = {MemberStatus::kJoining, MemberStatus::kTraining,
                               MemberStatus::kFollowing, MemberStatus::kGone,
                               MemberStatus::kExpected};
  Family family(out_, "member_status", "gauge", "1 for the status that the member has.");
  for (const MemberView& member : view_.members) {
    const std::string worker = fmt::format("{}", member.worker);
    for (const MemberStatus status : kAll)
      family.add(
          {{"worker", worker}, {"site", member.site}, {"status", member_status_name(status)}},
          int64_t{member.status == status});
  }
}

// A member whose loss is not known has no sample: a 0 would look like a perfect model.
void Exposition::losses() {
  Family family(out_, "member_loss_nats", "gauge", "Loss of its last step, nats per token.");
  for (const MemberView& member : view_.members) {
    const std::string worker = fmt::format("{}", member.worker);
    if (member.loss != 0) family.add({{"worker", worker}, {"site", member.site}}, member.loss);
  }
}

void Exposition::member_bytes() {
  const auto each = [&](std::string_view name, std::string_view type, std::string_view help,
                        auto up, auto down) {
    Family family(out_, name, type, help);
    for (const MemberView& member : view_.members) {
      const std::string worker = fmt::format("{}", member.worker);
      family.add({{"worker", worker}, {"site", member.site}, {"direction", "up"}}, member.*up);
      family.add({{"worker", worker}, {"site", member.site}, {"direction", "down"}}, member.*down);
    }
  };
  each("member_payload_bytes_total", "counter", "Payload of the member since the hub started.",
       &MemberView::up_bytes, &MemberView::down_bytes);
  each("member_store_bytes_total", "counter", "The part of it that went by an object store.",
       &MemberView::store_up_bytes, &MemberView::store_down_bytes);
  each("member_link_bytes_per_second", "gauge", "Payload a second over the last seconds.",
       &MemberView::up_bytes_per_s, &MemberView::down_bytes_per_s);
}

void Exposition::members() {
  using M = const MemberView&;
  statuses();
  each_member("member_step", "gauge", "The member's step.",
              [](M m) { return static_cast<double>(m.step); });
  each_member("member_applied_round", "gauge", "The last round that the member applied.",
              [](M m) { return static_cast<double>(m.applied_round); });
  losses();
  each_member("member_steps_per_second", "gauge", "Steps a second.",
              [](M m) { return m.steps_per_s; });
  each_member("member_tokens_per_second", "gauge", "Tokens a second.",
              [](M m) { return m.tokens_per_s; });
  member_bytes();
  each_member("member_heard_seconds", "gauge", "Time since the hub last heard of the member.",
              [](M m) { return m.heard_s_ago; });
  each_member("member_round_trip_seconds", "gauge", "Round trip between hub and member.",
              [](M m) { return m.round_trip_ms / 1e3; });
  each_member("member_admissions_total", "counter", "Times that the member was admitted.",
              [](M m) { return static_cast<double>(m.admissions); });
  each_member("member_strikes", "gauge", "Bad offers of the member since it was last admitted.",
              [](M m) { return static_cast<double>(m.strikes); });
}

}  // namespace

std::string metrics_of(const HubView& view) { return Exposition(view).text(); }

}  // namespace causeway

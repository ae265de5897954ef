// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "record/progress_forms.h"

namespace causeway {
namespace {

using Json = nlohmann::ordered_json;
constexpr int64_t kStepsMax = 1000;

Json json_of(const std::vector<ValidReport>& reports) {
  Json list = Json::array();
  for (const ValidReport& r : reports)
    list.push_back({{"step", r.step},
                    {"site", r.site},
                    {"nats_per_token", r.nats_per_token},
                    {"bits_per_byte", r.bits_per_byte},
                    {"tokens", r.tokens}});
  return list;
}

std::string name_of(Notice level) {
  switch (level) {
    case Notice::kInfo:
      return "info";
    case Notice::kWarning:
      return "warning";
    case Notice::kError:
      return "error";
  }
  return "error";
}

class JsonProgress final : public Listener {
 public:
  explicit JsonProgress(std::FILE* out) : out_(out) {}

  void on_start(const RunInfo& info) override;
  void on_step(const StepReport& r) override {
    if (r.step % every_ != 0 && r.step != steps_) return;
    print({{"event", "step"},
           {"step", r.step},
           {"worker", r.worker},
           {"loss", r.loss},
           {"gradient_norm", r.gradient_norm},
           {"rate", r.rate},
           {"tokens", r.tokens},
           {"seconds", r.seconds},
           {"trained", r.trained}});
  }
  void on_round(const RoundReport& r) override {
    Json members = Json::array(), dropped = Json::array();
    for (const auto& [worker, weight] : r.members)
      members.push_back({{"worker", worker}, {"weight", weight}});
    for (const auto& [worker, reason] : r.dropped)
      dropped.push_back({{"worker", worker}, {"reason", reason}});
    print({{"event", "round"},
           {"round", r.round},
           {"step", r.step},
           {"channels", r.channels},
           {"members", members},
           {"dropped", dropped},
           {"up_bytes", r.up_bytes},
           {"down_bytes", r.down_bytes},
           {"fold_seconds", r.fold_seconds},
           {"committed", r.committed}});
  }
  void on_valid(const ValidReport& report) override {
    Json line = {{"event", "valid"}};
    line.update(json_of({report})[0]);
    print(line);
  }
  void on_checkpoint(int64_t step, const std::string& path) override {
    print({{"event", "checkpoint"}, {"step", step}, {"path", path}});
  }
  void on_notice(Notice level, const std::string& text) override {
    print({{"event", "notice"}, {"level", name_of(level)}, {"text", text}});
  }
  void on_tick() override { std::fflush(out_); }
  void on_end(const RunSummary& summary) override;

 private:
  // NaN becomes null, and text that is not UTF-8 gets U+FFFD.
  void print(const Json& line) {
    fmt::print(out_, "{}\n", line.dump(-1, ' ', false, Json::error_handler_t::replace));
    if (line["event"] != "step") std::fflush(out_);
  }

  std::FILE* out_;
  int64_t steps_ = 0, every_ = 1;
};

void JsonProgress::on_start(const RunInfo& info) {
  steps_ = info.steps;
  every_ = std::max<int64_t>(1, (info.steps + kStepsMax - 1) / kStepsMax);
  Json sites = Json::array(), channels = Json::array();
  for (const SiteInfo& site : info.sites)
    sites.push_back({{"name", site.name},
                     {"train_tokens", site.train_tokens},
                     {"valid_tokens", site.valid_tokens}});
  for (const ChannelInfo& c : info.channels)
    channels.push_back({{"name", c.name},
                        {"port", c.port},
                        {"region", c.region},
                        {"up", c.up},
                        {"down", c.down},
                        {"values", c.values},
                        {"period", c.period},
                        {"up_bytes", c.up_bytes},
                        {"down_bytes", c.down_bytes}});
  print({{"event", "start"},
         {"name", info.name},
         {"folder", info.folder},
         {"method", info.method},
         {"sites", sites},
         {"worker_sites", info.worker_sites},
         {"channels", channels},
         {"parameters", info.parameters},
         {"steps", info.steps},
         {"first_step", info.first_step},
         {"tokens_per_step", info.tokens_per_step},
         {"ddp_bytes_per_step", info.ddp_bytes_per_step},
         {"predicted_bytes", info.predicted_bytes},
         {"predicted_memory_bytes", info.predicted_memory_bytes}});
}

void JsonProgress::on_end(const RunSummary& s) {
  Json yardstick = Json::object();
  for (const auto& [site, bits] : s.yardstick) yardstick[site] = bits;
  print({{"event", "end"},
         {"finished", s.finished},
         {"steps", s.steps},
         {"seconds", s.seconds},
         {"weights", "xxh3:" + s.weights_digest},
         {"up_bytes", s.up_bytes},
         {"down_bytes", s.down_bytes},
         {"ddp_bytes", s.ddp_bytes},
         {"peak_memory_bytes", s.peak_memory_bytes},
         {"first_valid", json_of(s.first_valid)},
         {"last_valid", json_of(s.last_valid)},
         {"yardstick", yardstick},
         {"sample", s.sample},
         {"checkpoint", s.checkpoint}});
}

}  // namespace

std::unique_ptr<Listener> json_progress(std::FILE* out) {
  return std::make_unique<JsonProgress>(out);
}

}  // namespace causeway

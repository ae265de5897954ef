// SPDX-License-Identifier: Apache-2.0
//
// Gathers a run in bounded space and writes it at the end as JSON into report.html. All text from
// outside travels inside that JSON and is set as text by the page, so there is one place to escape.
#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "core/log.h"
#include "record/curve.h"
#include "record/output_file.h"
#include "record/record.h"
#include "record/report_template.h"

namespace causeway {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kSitesMax = 24;     // with a curve of their own
constexpr size_t kRoundsMax = 2000;  // on the time line
constexpr size_t kPeersMax = 32;     // named per round
constexpr size_t kGroupsMax = 64;    // of channels that fired together
constexpr size_t kNoticesMax = 200;  // the newest

/// Bytes of all rounds in which the same channels fired.
struct Fired {
  int64_t rounds = 0, predicted_bytes = 0, measured_bytes = 0;
};

/// What one site did in the step at hand.
struct SiteStep {
  double loss = 0;
  int64_t workers = 0;
};

class Report final : public Listener {
 public:
  explicit Report(std::string path) : path_(std::move(path)) {}

  void on_start(const RunInfo& info) override;
  void on_step(const StepReport& report) override;
  void on_round(const RoundReport& report) override;
  void on_valid(const ValidReport& report) override {
    if (const auto curve = valid_.find(report.site); curve != valid_.end())
      curve->second.add(report.step, report.bits_per_byte);
  }
  void on_notice(Notice level, const std::string& text) override {
    if (level == Notice::kInfo) return;
    notices_.push_back({{"level", level == Notice::kError ? "error" : "warning"},
                        {"step", step_},
                        {"text", text}});
    if (notices_.size() > kNoticesMax) notices_.erase(notices_.begin());
  }
  void on_end(const RunSummary& summary) override {
    close_step();
    write(data(summary));
  }

 private:
  void close_step();
  void thin_rounds();
  int64_t predicted_bytes(const RoundReport& report) const;
  Json data(const RunSummary& summary) const;
  Json sites(const RunSummary& summary) const;
  Json channels() const;
  Json fired() const;
  void write(const Json& data) const;

  std::string path_;
  RunInfo info_;
  int64_t step_ = 0;
  std::vector<SiteStep> at_step_;
  std::vector<Curve> losses_;
  std::map<std::string, Curve> valid_;
  Curve sent_{Curve::Join::kLast};
  int64_t sent_bytes_ = 0;
  Json rounds_ = Json::array(), notices_ = Json::array();
  int64_t rounds_total_ = 0, rounds_aborted_ = 0, drops_ = 0;
  std::map<std::string, int64_t> firings_;  // channel -> how often
  std::map<std::vector<std::string>, Fired> fired_;
};

void Report::on_start(const RunInfo& info) {
  info_ = info;
  step_ = info.first_step;
  at_step_.resize(info.sites.size());
  losses_.assign(std::min(info.sites.size(), kSitesMax), Curve(Curve::Join::kMean));
  for (size_t site = 0; site < losses_.size(); ++site)
    valid_.emplace(info.sites[site].name, Curve(Curve::Join::kMean));
  sent_bytes_ = info.first_up_bytes + info.first_down_bytes;
  sent_.add(info.first_step, static_cast<double>(sent_bytes_));
}

void Report::on_step(const StepReport& report) {
  if (report.step != step_) close_step();
  step_ = report.step;
  if (!report.trained) return;
  const auto worker = static_cast<size_t>(report.worker);
  CW_CHECK(worker < info_.worker_sites.size(), "worker {}", report.worker);
  SiteStep& site = at_step_[static_cast<size_t>(info_.worker_sites[worker])];
  site.loss += report.loss;
  ++site.workers;
}

void Report::close_step() {
  for (size_t site = 0; site < at_step_.size(); ++site) {
    const SiteStep gathered = std::exchange(at_step_[site], {});
    if (gathered.workers > 0 && site < losses_.size())
      losses_[site].add(step_, gathered.loss / static_cast<double>(gathered.workers));
  }
}

void Report::on_round(const RoundReport& report) {
  ++rounds_total_;
  rounds_aborted_ += report.committed ? 0 : 1;
  drops_ += static_cast<int64_t>(report.dropped.size());
  const int64_t bytes = report.up_bytes + report.down_bytes;
  sent_bytes_ += bytes;
  sent_.add(report.step, static_cast<double>(sent_bytes_));
  for (const std::string& channel : report.channels) ++firings_[channel];
  if (fired_.contains(report.channels) || fired_.size() < kGroupsMax) {
    Fired& group = fired_[report.channels];
    ++group.rounds;
    group.predicted_bytes += predicted_bytes(report);
    group.measured_bytes += bytes;
  }
  Json members = Json::array(), dropped = Json::array();
  for (size_t i = 0; i < std::min(report.members.size(), kPeersMax); ++i)
    members.push_back(report.members[i].first);
  for (size_t i = 0; i < std::min(report.dropped.size(), kPeersMax); ++i)
    dropped.push_back({report.dropped[i].first, report.dropped[i].second});
  rounds_.push_back({{"round", report.round},
                     {"step", report.step},
                     {"channels", report.channels},
                     {"members", members},
                     {"member_count", report.members.size()},
                     {"dropped", dropped},
                     {"dropped_count", report.dropped.size()},
                     {"bytes", bytes},
                     {"fold_seconds", report.fold_seconds},
                     {"committed", report.committed}});
  if (rounds_.size() > kRoundsMax) thin_rounds();
}

// Every other uneventful round goes; if rounds with drops alone are too many, every other of all.
void Report::thin_rounds() {
  for (const bool also_eventful : {false, true}) {
    Json kept = Json::array();
    bool keep = true;
    for (Json& round : rounds_) {
      const bool eventful = !round["committed"].get<bool>() || round["dropped_count"] > 0;
      if (!eventful || also_eventful) keep = !keep;
      if (keep || (eventful && !also_eventful)) kept.push_back(std::move(round));
    }
    rounds_ = std::move(kept);
    if (rounds_.size() <= kRoundsMax * 3 / 4) return;
  }
}

int64_t Report::predicted_bytes(const RoundReport& report) const {
  int64_t bytes = 0;
  for (const ChannelInfo& channel : info_.channels)
    if (std::ranges::find(report.channels, channel.name) != report.channels.end())
      bytes += channel.up_bytes + channel.down_bytes;
  return bytes * static_cast<int64_t>(report.members.size());
}

Json Report::sites(const RunSummary& summary) const {
  const auto bits = [](const std::vector<ValidReport>& reports, const std::string& name) -> Json {
    const auto found = std::ranges::find(reports, name, &ValidReport::site);
    return found == reports.end() ? Json() : Json(found->bits_per_byte);
  };
  Json list = Json::array();
  for (size_t i = 0; i < info_.sites.size(); ++i) {
    const SiteInfo& site = info_.sites[i];
    const auto yardstick =
        std::ranges::find(summary.yardstick, site.name, &std::pair<std::string, double>::first);
    list.push_back(
        {{"name", site.name},
         {"workers", std::ranges::count(info_.worker_sites, static_cast<int32_t>(i))},
         {"train_tokens", site.train_tokens},
         {"valid_tokens", site.valid_tokens},
         {"before", bits(summary.first_valid, site.name)},
         {"after", bits(summary.last_valid, site.name)},
         {"yardstick", yardstick == summary.yardstick.end() ? Json() : Json(yardstick->second)},
         {"loss", i < losses_.size() ? Json(losses_[i].points()) : Json::array()},
         {"valid", i < losses_.size() ? Json(valid_.at(site.name).points()) : Json::array()}});
  }
  return list;
}

Json Report::channels() const {
  Json list = Json::array();
  for (const ChannelInfo& c : info_.channels) {
    const auto firings = firings_.find(c.name);
    list.push_back({{"name", c.name},
                    {"port", c.port},
                    {"region", c.region},
                    {"values", c.values},
                    {"period", c.period},
                    {"up", c.up},
                    {"down", c.down},
                    {"up_bytes", c.up_bytes},
                    {"down_bytes", c.down_bytes},
                    {"firings", firings == firings_.end() ? 0 : firings->second}});
  }
  return list;
}

Json Report::fired() const {
  Json list = Json::array();
  for (const auto& [channels, group] : fired_)
    list.push_back({{"channels", channels},
                    {"rounds", group.rounds},
                    {"predicted_bytes", group.predicted_bytes},
                    {"measured_bytes", group.measured_bytes}});
  return list;
}

Json Report::data(const RunSummary& summary) const {
  return {{"name", info_.name},
          {"folder", info_.folder},
          {"method", info_.method},
          {"finished", summary.finished},
          {"first_step", info_.first_step},
          {"steps", summary.steps},
          {"steps_planned", info_.steps},
          {"seconds", summary.seconds},
          {"parameters", info_.parameters},
          {"workers", info_.worker_sites.size()},
          {"tokens_per_step", info_.tokens_per_step},
          {"worker_sites", info_.worker_sites},
          {"sites", sites(summary)},
          {"channels", channels()},
          {"fired", fired()},
          {"sent", sent_.points()},
          {"ddp_bytes_per_step", info_.ddp_bytes_per_step},
          {"rounds", rounds_},
          {"rounds_total", rounds_total_},
          {"rounds_aborted", rounds_aborted_},
          {"drops", drops_},
          {"predicted_bytes", info_.predicted_bytes},
          {"up_bytes", summary.up_bytes},
          {"down_bytes", summary.down_bytes},
          {"ddp_bytes", summary.ddp_bytes},
          {"predicted_memory_bytes", info_.predicted_memory_bytes},
          {"peak_memory_bytes", summary.peak_memory_bytes},
          {"notices", notices_},
          {"sample", summary.sample},
          {"checkpoint", summary.checkpoint},
          {"weights", "xxh3:" + summary.weights_digest},
          {"recipe", info_.recipe_toml}};
}

// Inside a script element only `<` can end it or open a comment; & and > are escaped for readers
// that are less strict than a browser.
std::string script_safe(const std::string& json) {
  std::string safe;
  safe.reserve(json.size());
  for (const char c : json) {
    if (c == '<')
      safe += "\\u003c";
    else if (c == '>')
      safe += "\\u003e";
    else if (c == '&')
      safe += "\\u0026";
    else
      safe += c;
  }
  return safe;
}

void Report::write(const Json& data) const {
  constexpr std::string_view kMark = "{{data}}";
  const size_t mark = kReportTemplate.find(kMark);
  CW_CHECK(mark != std::string_view::npos);
  const std::string unfinished = path_ + ".part";
  {
    auto file = OutputFile::open(unfinished, O_WRONLY | O_TRUNC);
    if (!file) return log(LogLevel::kError, file.error().message);
    file.value()->write(kReportTemplate.substr(0, mark));
    file.value()->write(script_safe(data.dump(-1, ' ', false, Json::error_handler_t::replace)));
    file.value()->write(kReportTemplate.substr(mark + kMark.size()));
    file.value()->flush();
    if (file.value()->failed()) return;  // an earlier report stays as it is
  }
  std::error_code error;
  std::filesystem::rename(unfinished, path_, error);
  if (error) log(LogLevel::kError, fmt::format("{}: cannot write: {}", path_, error.message()));
}

}  // namespace

std::unique_ptr<Listener> html_report(const std::string& path) {
  return std::make_unique<Report>(path);
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "record/tally.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/check.h"

namespace causeway {
namespace {
constexpr int64_t kMarkNs = 500'000'000;
constexpr int64_t kSilenceNs = 5'000'000'000;
constexpr size_t kMarksMax = 32;
constexpr size_t kWorkerRowsMax = 16;
constexpr double kForget = 0.1;
}  // namespace

void Pace::add(int64_t now_ns, int64_t tokens) {
  if (marks_.empty() || now_ns - marks_.back().first >= kMarkNs) {
    marks_.emplace_back(now_ns, tokens_);
    if (marks_.size() > kMarksMax) marks_.pop_front();
  }
  tokens_ += tokens;
  last_ns_ = now_ns;
}

double Pace::per_second(int64_t now_ns) const {
  if (now_ns - last_ns_ <= kSilenceNs) now_ns = last_ns_;
  if (marks_.empty() || now_ns <= marks_.front().first) return 0;
  return static_cast<double>(tokens_ - marks_.front().second) * 1e9 /
         static_cast<double>(now_ns - marks_.front().first);
}

void Smoothed::add(double value) {
  if (!std::isfinite(value) || !std::isfinite(sum_)) sum_ = weight_ = 0;
  sum_ = (1 - kForget) * sum_ + kForget * value;
  weight_ = (1 - kForget) * weight_ + kForget;
}

void Tally::start(const RunInfo& info) {
  info_ = info;
  at_step_ = info.first_step;
  sent_bytes_ = info.first_up_bytes + info.first_down_bytes;
  started_ns_ = clock_.now_ns();
  pace_.add(started_ns_, 0);
  const bool by_worker = info.worker_sites.size() <= kWorkerRowsMax;
  std::vector<int32_t> workers_of(info.sites.size());
  for (const int32_t site : info.worker_sites) {
    CW_CHECK(site >= 0 && static_cast<size_t>(site) < info.sites.size(), "site {}", site);
    ++workers_of[static_cast<size_t>(site)];
  }
  if (!by_worker)
    for (const SiteInfo& site : info.sites) rows_.push_back({.name = site.name});
  std::vector<int32_t> seen(info.sites.size());
  for (const int32_t worker_site : info.worker_sites) {
    const auto site = static_cast<size_t>(worker_site);
    const std::string& name = info.sites[site].name;
    if (by_worker)
      rows_.push_back(
          {.name = workers_of[site] == 1 ? name : fmt::format("{}/{}", name, ++seen[site])});
    worker_rows_.push_back(by_worker ? rows_.size() - 1 : site);
  }
  for (Row& row : rows_) {
    row.step = info.first_step;
    row.pace.add(started_ns_, 0);
  }
}

void Tally::step(const StepReport& report) {
  const auto worker = static_cast<size_t>(report.worker);
  CW_CHECK(worker < worker_rows_.size(), "worker {} of {}", report.worker, worker_rows_.size());
  Row& row = rows_[worker_rows_[worker]];
  at_step_ = std::max(at_step_, report.step);
  row.step = std::max(row.step, report.step);
  row.trained = report.trained;
  const int64_t now_ns = last_ns_ = clock_.now_ns();
  if (!report.trained) return;
  row.loss.add(report.loss);
  row.pace.add(now_ns, info_.tokens_per_step);
  pace_.add(now_ns, info_.tokens_per_step);
}

void Tally::round(const RoundReport& report) {
  sent_bytes_ += report.up_bytes + report.down_bytes;
  const size_t called = report.members.size() + report.dropped.size();
  last_round_ = fmt::format(
      "round {}: {}", report.round,
      report.committed ? fmt::format("{} of {}", report.members.size(), called) : "aborted");
}

double Tally::fraction() const {
  return info_.steps <= 0 ? 0 : static_cast<double>(at_step_) / static_cast<double>(info_.steps);
}

double Tally::seconds_left() const {
  const int64_t done = at_step_ - info_.first_step;
  if (done <= 0) return -1;
  const double seconds = static_cast<double>(last_ns_ - started_ns_) / 1e9;
  return seconds / static_cast<double>(done) * static_cast<double>(info_.steps - at_step_);
}

double Tally::loss() const {
  double sum = 0;
  int count = 0;
  for (const Row& row : rows_) {
    if (row.loss.empty()) continue;
    sum += row.loss.value();
    ++count;
  }
  return count == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / count;
}

}  // namespace causeway

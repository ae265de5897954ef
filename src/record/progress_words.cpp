// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "record/progress_forms.h"

namespace causeway {
namespace {

constexpr size_t kListedMax = 16;  // sites and channels of the header

std::string plural(int64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", grouped_text(count), noun, count == 1 ? "" : "s");
}

/// Rows of cells in columns: the first to the left, the others to the right.
class Table {
 public:
  void add(std::vector<std::pair<std::string, Style>> cells) {
    widths_.resize(std::max(widths_.size(), cells.size()));
    for (size_t i = 0; i < cells.size(); ++i) {
      cells[i].first = printable_text(cells[i].first);
      widths_[i] = std::max(widths_[i], columns_of(cells[i].first));
    }
    rows_.push_back(std::move(cells));
  }
  void print(std::vector<Line>& lines) const {
    for (const auto& cells : rows_) {
      Line line("  ");
      int32_t column = 2;
      for (size_t i = 0; i < cells.size(); ++i) {
        const auto& [text, style] = cells[i];
        column += widths_[i];
        if (i > 0) line.fill(column - columns_of(text));
        line.add(text, style);
        column += 3;
      }
      lines.push_back(std::move(line));
    }
  }

 private:
  std::vector<std::vector<std::pair<std::string, Style>>> rows_;
  std::vector<int32_t> widths_;
};

std::string bits_of(const std::map<std::string, double>& bits, const std::string& site) {
  const auto found = bits.find(site);
  return found == bits.end() ? "-" : fmt::format("{:.3f}", found->second);
}

std::map<std::string, double> bits_by_site(const std::vector<ValidReport>& reports) {
  std::map<std::string, double> bits;
  for (const ValidReport& report : reports) bits[report.site] = report.bits_per_byte;
  return bits;
}

void add_sites(const RunInfo& info, const RunSummary& summary, std::vector<Line>& lines) {
  const auto before = bits_by_site(summary.first_valid), after = bits_by_site(summary.last_valid);
  const std::map<std::string, double> yardstick(summary.yardstick.begin(), summary.yardstick.end());
  if (after.empty()) return;
  Table table;
  table.add({{"bits per byte", Style::kDim},
             {"before", Style::kDim},
             {"after", Style::kDim},
             {"n-grams", Style::kDim}});
  for (const SiteInfo& site : info.sites) {
    const auto model = after.find(site.name), ngrams = yardstick.find(site.name);
    const bool better =
        model != after.end() && ngrams != yardstick.end() && model->second < ngrams->second;
    table.add({{site.name, Style::kBold},
               {bits_of(before, site.name), Style::kPlain},
               {bits_of(after, site.name), better ? Style::kGood : Style::kPlain},
               {bits_of(yardstick, site.name), Style::kPlain}});
  }
  lines.emplace_back();
  table.print(lines);
}

Line fact(std::string_view name, std::string_view value) {
  return Line(name, Style::kDim).fill(12).add(value);
}

void add_sample(const std::string& sample, std::vector<Line>& lines) {
  if (sample.empty()) return;
  lines.emplace_back();
  lines.emplace_back("sample", Style::kDim);
  const std::string text = printable_text(sample, true);
  for (size_t from = 0; from <= text.size();) {
    const size_t end = std::min(text.find('\n', from), text.size());
    lines.push_back(Line("  ").add(text.substr(from, end - from)));
    from = end + 1;
  }
}

}  // namespace

std::vector<Line> start_lines(const RunInfo& info) {
  std::vector<Line> lines;
  lines.push_back(
      Line(info.name, Style::kBold)
          .add(fmt::format(": {}, {} at {}, {} parameters, {}", info.method,
                           plural(static_cast<int64_t>(info.worker_sites.size()), "worker"),
                           plural(static_cast<int64_t>(info.sites.size()), "site"),
                           count_text(info.parameters), plural(info.steps, "step"))));
  if (info.first_step > 0)
    lines.emplace_back(fmt::format("resumed after step {}", grouped_text(info.first_step)));
  for (size_t i = 0; i < std::min(info.sites.size(), kListedMax); ++i) {
    const SiteInfo& site = info.sites[i];
    lines.push_back(
        Line("site ", Style::kDim)
            .add(site.name)
            .add(fmt::format(": {} tokens to train on, {} to validate",
                             count_text(site.train_tokens), count_text(site.valid_tokens))));
  }
  for (size_t i = 0; i < std::min(info.channels.size(), kListedMax); ++i) {
    const ChannelInfo& c = info.channels[i];
    lines.push_back(Line("channel ", Style::kDim)
                        .add(c.name)
                        .add(fmt::format(": {} of {}, every {}, {} up ({}), {} down ({})", c.port,
                                         c.region, plural(c.period, "step"), bytes_text(c.up_bytes),
                                         c.up, bytes_text(c.down_bytes), c.down)));
  }
  if (const size_t left = std::max(info.sites.size(), kListedMax) - kListedMax +
                          std::max(info.channels.size(), kListedMax) - kListedMax)
    lines.emplace_back(fmt::format("and {} more sites and channels", left));
  const int64_t ddp_bytes = info.ddp_bytes_per_step * info.steps;
  Line plan("plan ", Style::kDim);
  plan.add(fmt::format("{} to send", bytes_text(info.predicted_bytes)));
  if (const std::string beside = beside_text(info.predicted_bytes, ddp_bytes); !beside.empty())
    plan.add(fmt::format("; DDP would send {}: {}", bytes_text(ddp_bytes), beside));
  if (info.predicted_memory_bytes > 0)
    plan.add(fmt::format("; {} of memory", bytes_text(info.predicted_memory_bytes)));
  lines.push_back(std::move(plan));
  return lines;
}

std::vector<Line> end_lines(const RunInfo& info, const RunSummary& summary) {
  std::vector<Line> lines;
  lines.emplace_back();
  const std::string steps = plural(summary.steps, "step");
  if (summary.finished)
    lines.emplace_back(fmt::format("done: {} in {}", steps, duration_text(summary.seconds)),
                       Style::kBold);
  else
    lines.emplace_back(fmt::format("left early after {} of {}; the run can be resumed",
                                   grouped_text(summary.steps), plural(info.steps, "step")),
                       Style::kWarning);
  add_sites(info, summary, lines);
  add_sample(summary.sample, lines);
  lines.emplace_back();
  const int64_t bytes = summary.up_bytes + summary.down_bytes;
  lines.push_back(fact("exchanged", sent_text(bytes, summary.ddp_bytes)));
  if (info.predicted_bytes > 0)
    lines.push_back(fact("predicted", bytes_text(info.predicted_bytes) + " for the whole run"));
  if (summary.peak_memory_bytes > 0)
    lines.push_back(fact("memory", bytes_text(summary.peak_memory_bytes) + " at its peak"));
  lines.push_back(fact("report", info.folder + "/report.html"));
  lines.push_back(fact("log", info.folder + "/log.sqlite"));
  if (!summary.checkpoint.empty()) lines.push_back(fact("checkpoint", summary.checkpoint));
  lines.emplace_back("weights xxh3:" + summary.weights_digest);  // one space: scripts look for it
  return lines;
}

std::optional<Line> round_line(const RoundReport& report, const RunInfo& info) {
  if (report.committed && report.dropped.empty()) return std::nullopt;
  Line line(fmt::format("step {}: ", grouped_text(report.step)), Style::kDim);
  line.add(fmt::format("round {} {}", report.round, report.committed ? "went on" : "was aborted"),
           report.committed ? Style::kWarning : Style::kError);
  for (const auto& [worker, reason] : report.dropped) {
    const auto index = static_cast<size_t>(worker);
    const std::string site = index < info.worker_sites.size()
                                 ? info.sites[static_cast<size_t>(info.worker_sites[index])].name
                                 : "unknown";
    line.add(fmt::format("; worker {} ({}) dropped: {}", worker, site, reason));
  }
  return line;
}

Line valid_line(const ValidReport& report) {
  return Line(fmt::format("step {}: ", grouped_text(report.step)), Style::kDim)
      .add("valid ")
      .add(report.site, Style::kBold)
      .add(fmt::format(" {:.3f} bits per byte ({:.4f} nats per token)", report.bits_per_byte,
                       report.nats_per_token));
}

Line notice_line(Notice level, const std::string& text) {
  switch (level) {
    case Notice::kInfo:
      return Line(text);
    case Notice::kWarning:
      return Line("warning: ", Style::kWarning).add(text);
    case Notice::kError:
      return Line("error: ", Style::kError).add(text);
  }
  return Line(text);
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "web/status_text.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "record/words.h"

namespace causeway {
namespace {

constexpr size_t kRoundsShown = 6, kEventsShown = 6;
constexpr int32_t kSiteColumnsMax = 20, kReasonColumnsMin = 12;

struct Cell {
  std::string text;
  Style style = Style::kPlain;
};

struct Column {
  std::string head;
  bool right = true;
  int32_t columns_max = 0;  // 0: as wide as its widest cell
  int32_t leaves = 0;       // what is least wanted has the greatest number; 0: always stays
  std::vector<Cell> cells;

  int32_t columns() const {
    int32_t widest = columns_of(head);
    for (const Cell& cell : cells) widest = std::max(widest, columns_of(printable_text(cell.text)));
    return columns_max > 0 ? std::min(widest, columns_max) : widest;
  }
};

class StatusText {
 public:
  StatusText(const HubView& view, int width, bool colour)
      : view_(view), width_(std::max(width, 40)), colour_(colour) {}

  std::string text() {
    head();
    members();
    rounds();
    events();
    return std::move(out_);
  }

 private:
  void put(const Line& line) {
    out_ += colour_ ? line.coloured(width_) : std::string(cut_text(line.plain(), width_));
    out_ += '\n';
  }
  void put_title(std::string_view title) {
    out_ += '\n';
    put(Line(title, Style::kBold));
  }
  void head();
  void members();
  void put_table(std::vector<Column> columns);
  void rounds();
  Line round_line(const RoundView& round) const;
  void events();

  const HubView& view_;
  const int32_t width_;
  const bool colour_;
  std::string out_;
};

Style style_of(MemberStatus status) {
  switch (status) {
    case MemberStatus::kTraining:
      return Style::kGood;
    case MemberStatus::kJoining:
    case MemberStatus::kFollowing:
      return Style::kWarning;
    case MemberStatus::kGone:
      return Style::kError;
    case MemberStatus::kExpected:
      return Style::kDim;
  }
  return Style::kPlain;
}

std::string rate_text(double bytes_per_s) {
  if (!std::isfinite(bytes_per_s) || bytes_per_s < 1) return "-";
  return bytes_text(std::llround(std::min(bytes_per_s, 1e18))) + "/s";
}

std::string loss_text(double loss) { return loss == 0 ? "-" : fmt::format("{:.4f}", loss); }

std::string pace_text(double per_s) {
  return std::isfinite(per_s) && per_s > 0 ? count_text(std::llround(std::min(per_s, 1e18))) : "-";
}

std::string wait_text(const MemberView& member) {
  return member.status == MemberStatus::kExpected ? "-" : duration_text(member.heard_s_ago);
}

std::string trip_text(double ms) {
  return std::isfinite(ms) && ms > 0 ? fmt::format("{:.{}f} ms", ms, ms < 10 ? 1 : 0) : "-";
}

// A hub's numbers are a stranger's here.
int64_t bounded_sum(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<int64_t>::max() : sum;
}

Line state_line(const HubView& view) {
  Line line;
  if (!view.halted.empty())
    return line.add("halted", Style::kError).add(": nothing is decided any more: " + view.halted);
  if (view.finished)
    line.add("finished", Style::kGood);
  else
    line.add("running", Style::kAccent);
  if (view.steps > 0)
    line.add(fmt::format(
        "  step {} of {} ({:.0f} %)", grouped_text(view.decided_step), grouped_text(view.steps),
        100 * static_cast<double>(view.decided_step) / static_cast<double>(view.steps)));
  if (view.rounds > 0)
    line.add(fmt::format("  round {} of {}", grouped_text(view.decided_round),
                         grouped_text(view.rounds)));
  if (view.seconds_left >= 0 && !view.finished)
    line.add(fmt::format("  {} left", duration_text(view.seconds_left)));
  return line;
}

void StatusText::head() {
  Line first(view_.run, Style::kBold);
  put(first.add("  " + view_.method + "  hub up " + duration_text(view_.now_s), Style::kDim));
  put(state_line(view_));
  if (view_.aborted > 0)
    put(Line(fmt::format("{} rounds committed, {} aborted", grouped_text(view_.committed),
                         grouped_text(view_.aborted)),
             Style::kWarning));
  put(Line(sent_text(bounded_sum(view_.up_bytes, view_.down_bytes), view_.ddp_bytes)));
}

void StatusText::members() {
  std::vector<Column> columns = {{.head = "WORKER"},
                                 {.head = "SITE", .right = false, .columns_max = kSiteColumnsMax},
                                 {.head = "STATUS", .right = false},
                                 {.head = "STEP"},
                                 {.head = "LOSS", .leaves = 1},
                                 {.head = "TOKENS/S", .leaves = 3},
                                 {.head = "UP", .leaves = 5},
                                 {.head = "DOWN", .leaves = 6},
                                 {.head = "UP NOW", .leaves = 7},
                                 {.head = "DOWN NOW", .leaves = 8},
                                 {.head = "TRIP", .leaves = 4},
                                 {.head = "HEARD", .leaves = 2},
                                 {.head = "WHY", .right = false, .leaves = 0}};
  for (const MemberView& m : view_.members) {
    const std::vector<Cell> row = {
        {std::to_string(m.worker)},
        {m.site, Style::kBold},
        {std::string(member_status_name(m.status)), style_of(m.status)},
        {grouped_text(m.step)},
        {loss_text(m.loss), std::isfinite(m.loss) ? Style::kPlain : Style::kError},
        {pace_text(m.tokens_per_s)},
        {bytes_text(m.up_bytes)},
        {bytes_text(m.down_bytes)},
        {rate_text(m.up_bytes_per_s)},
        {rate_text(m.down_bytes_per_s)},
        {trip_text(m.round_trip_ms)},
        {wait_text(m)},
        {m.reason, Style::kDim}};
    for (size_t i = 0; i < columns.size(); ++i) columns[i].cells.push_back(row[i]);
  }
  out_ += '\n';
  put_table(std::move(columns));
}

// The last column, which says why, takes what is left of the width and is cut there.
void StatusText::put_table(std::vector<Column> columns) {
  const bool reasons = std::ranges::any_of(columns.back().cells,
                                           [](const Cell& cell) { return !cell.text.empty(); });
  if (!reasons) columns.pop_back();
  const auto total = [&] {
    int32_t sum = 0;
    for (const Column& column : columns) sum += column.columns() + 2;
    if (reasons) sum -= std::max(0, columns.back().columns() - kReasonColumnsMin);
    return sum - 2;
  };
  while (total() > width_) {
    const auto least = std::ranges::max_element(columns, {}, &Column::leaves);
    if (least->leaves == 0) break;
    columns.erase(least);
  }
  const size_t rows = columns.front().cells.size();
  for (size_t row = 0; row <= rows; ++row) {
    Line line;
    int32_t start = 0;
    for (const Column& column : columns) {
      const Cell cell = row == 0 ? Cell{column.head, Style::kDim} : column.cells[row - 1];
      const int32_t wide = column.columns();
      const std::string text(cut_text(printable_text(cell.text), wide));
      if (!text.empty())
        line.fill(column.right ? start + wide - columns_of(text) : start).add(text, cell.style);
      start += wide + 2;
    }
    put(line);
  }
}

void StatusText::rounds() {
  if (view_.recent.empty()) return;
  put_title("Rounds");
  const size_t count = std::min(view_.recent.size(), kRoundsShown);
  for (auto round = view_.recent.rbegin();
       round != view_.recent.rbegin() + static_cast<std::ptrdiff_t>(count); ++round)
    put(round_line(*round));
}

Line StatusText::round_line(const RoundView& round) const {
  Line line(fmt::format("{:>8}", grouped_text(round.round)));
  const Style style = round.status == RoundStatus::kAborted     ? Style::kError
                      : round.status == RoundStatus::kCommitted ? Style::kGood
                                                                : Style::kAccent;
  line.add("  ").add(fmt::format("{:<9}", round_status_name(round.status)), style);
  const size_t wanted = round.members.size() + round.absent.size();
  if (round.status == RoundStatus::kOpen)
    line.add(fmt::format("  {} offers here", round.arrivals.size()));
  else
    line.add(fmt::format("  {} of {}", round.members.size(), wanted));
  const double end_s = round.decided_s >= 0 ? round.decided_s : view_.now_s;
  if (round.opened_s >= 0) line.add("  " + duration_text(end_s - round.opened_s), Style::kDim);
  if (!round.reason.empty()) line.add("  " + round.reason, Style::kError);
  for (const auto& [worker, reason] : round.absent)
    line.add(fmt::format("  without {}: {}", worker, reason), Style::kWarning);
  return line;
}

void StatusText::events() {
  if (view_.events.empty()) return;
  put_title("Events");
  const size_t count = std::min(view_.events.size(), kEventsShown);
  for (auto event = view_.events.rbegin();
       event != view_.events.rbegin() + static_cast<std::ptrdiff_t>(count); ++event) {
    Line line(fmt::format("{:>12} ago", duration_text(view_.now_s - event->at_s)), Style::kDim);
    line.add(event->worker < 0 ? "  hub" : fmt::format("  worker {}", event->worker));
    put(line.fill(28).add(event->text));
  }
}

}  // namespace

std::string status_text(const HubView& view, int width, bool colour) {
  return StatusText(view, width, colour).text();
}

}  // namespace causeway

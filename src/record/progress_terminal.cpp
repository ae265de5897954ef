// SPDX-License-Identifier: Apache-2.0
//
// The live area is the last lines of the screen. To redraw: go up to its first line, print what is
// to stay above it, print its lines anew, clear what is left below. A frame goes out in one write,
// so that it does not flicker.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "record/progress_forms.h"
#include "record/tally.h"

namespace causeway {
namespace {

constexpr int64_t kFrameNs = 125'000'000;
constexpr size_t kTerminalRowsMax = 16;
constexpr size_t kWaitingMax = 64;  // lines that wait for the next frame
constexpr int32_t kNameColumnsMax = 20;

class TerminalProgress final : public Listener {
 public:
  TerminalProgress(std::FILE* out, int32_t width, const Clock& clock)
      : out_(out), width_(std::max(width, 20)), clock_(clock), tally_(clock) {}
  ~TerminalProgress() override { leave({}); }

  void on_start(const RunInfo& info) override {
    tally_.start(info);
    for (const Tally::Row& row : tally_.rows())
      name_columns_ =
          std::clamp(columns_of(printable_text(row.name)), name_columns_, kNameColumnsMax);
    waiting_ = start_lines(info);
    started_ = true;
    frame_ = "\x1b[?25l";
    draw();
  }
  void on_step(const StepReport& report) override {
    tally_.step(report);
    draw_if_due();
  }
  void on_round(const RoundReport& report) override {
    tally_.round(report);
    if (auto line = round_line(report, tally_.info())) keep(std::move(*line));
  }
  void on_valid(const ValidReport& report) override { keep(valid_line(report)); }
  void on_notice(Notice level, const std::string& text) override {
    keep(notice_line(level, text));
    if (level == Notice::kError && started_) draw();  // what follows may be the end of the process
  }
  void on_tick() override { draw_if_due(); }
  void on_end(const RunSummary& summary) override { leave(end_lines(tally_.info(), summary)); }

 private:
  void keep(Line line) {
    waiting_.push_back(std::move(line));
    if (waiting_.size() >= kWaitingMax && started_) draw();
  }
  void draw_if_due() {
    if (started_ && clock_.now_ns() - drawn_ns_ >= kFrameNs) draw();
  }
  void draw();
  void leave(const std::vector<Line>& last);
  void go_up() {
    if (live_lines_ > 0) frame_ += fmt::format("\x1b[{}A", live_lines_);
    frame_ += '\r';
    live_lines_ = 0;
  }
  void put(const Line& line) { frame_ += line.coloured(width_) + "\x1b[K\n"; }
  void send() {
    std::fwrite(frame_.data(), 1, frame_.size(), out_);
    std::fflush(out_);
    frame_.clear();
  }
  Line row_line(const Tally::Row& row) const;
  Line overall_line() const;

  std::FILE* out_;
  int32_t width_;
  const Clock& clock_;
  Tally tally_;
  std::vector<Line> waiting_;
  std::string frame_;
  int64_t drawn_ns_ = 0;
  size_t live_lines_ = 0;
  int32_t name_columns_ = 4;
  bool started_ = false;
};

void TerminalProgress::draw() {
  go_up();
  for (const Line& line : waiting_) put(line);
  waiting_.clear();
  const auto& rows = tally_.rows();
  for (size_t i = 0; i < std::min(rows.size(), kTerminalRowsMax); ++i, ++live_lines_)
    put(row_line(rows[i]));
  if (rows.size() > kTerminalRowsMax) {
    put(Line(fmt::format("and {} more sites", rows.size() - kTerminalRowsMax), Style::kDim));
    ++live_lines_;
  }
  put(overall_line());
  ++live_lines_;
  frame_ += "\x1b[J";
  send();
  drawn_ns_ = clock_.now_ns();
}

// Draws a last frame, gives the cursor back and prints `last` uncut below: paths are to be copied.
void TerminalProgress::leave(const std::vector<Line>& last) {
  if (!started_) return;
  draw();
  started_ = false;
  for (const Line& line : last) frame_ += line.coloured(line.columns()) + "\n";
  frame_ += "\x1b[?25h";
  send();
}

Line TerminalProgress::row_line(const Tally::Row& row) const {
  const int64_t steps = std::max<int64_t>(1, tally_.info().steps);
  Line line(cut_text(printable_text(row.name), name_columns_), Style::kBold);
  line.fill(name_columns_ + 2);
  const std::string done =
      fmt::format("{:>{}}/{}", row.step, fmt::formatted_size("{}", steps), steps);
  const std::string loss =
      row.loss.empty() ? "  loss      -" : fmt::format("  loss {:6.4f}", row.loss.value());
  const double pace = row.pace.per_second(clock_.now_ns());
  const std::string rest = fmt::format("  {:>6} tokens/s{}", count_text(std::llround(pace)),
                                       row.trained ? "" : "  rests");

  line.add(done);
  const int32_t bar =
      std::min(30, width_ - line.columns() - columns_of(loss) - columns_of(rest) - 2);
  if (bar >= 4) {
    const int64_t full = std::clamp<int64_t>(bar * row.step / steps, 0, bar);
    std::string filled, open;
    for (int64_t i = 0; i < bar; ++i) (i < full ? filled : open) += "\u2501";
    line.add("  ").add(filled, row.step >= steps ? Style::kGood : Style::kAccent);
    line.add(open, Style::kDim);
  }
  return line.add(loss).add(rest, Style::kDim);
}

Line TerminalProgress::overall_line() const {
  const double left = tally_.seconds_left();
  Line line(fmt::format("{:.0f} %", 100 * tally_.fraction()), Style::kBold);
  line.add(left < 0 ? "  starting" : fmt::format("  {} left", duration_text(left)));
  line.add(fmt::format("  {} tokens/s  ", count_text(std::llround(tally_.tokens_per_second()))));
  const std::string round = tally_.last_round().empty() ? "" : "  " + tally_.last_round();
  // In full where there is room.
  const std::string sent = sent_text(tally_.sent_bytes(), tally_.ddp_bytes());
  if (line.columns() + columns_of(sent) + columns_of(round) <= width_) {
    line.add(sent, Style::kGood);
  } else {
    const std::string beside = beside_text(tally_.sent_bytes(), tally_.ddp_bytes());
    line.add(bytes_text(tally_.sent_bytes()) + " sent", Style::kGood);
    if (!beside.empty())
      line.add(fmt::format(", {} {} DDP", beside, beside.back() == 'h' ? "as" : "than"),
               Style::kGood);
  }
  return line.add(round);
}

}  // namespace

std::unique_ptr<Listener> terminal_progress(std::FILE* out, int32_t width, const Clock& clock) {
  return std::make_unique<TerminalProgress>(out, width, clock);
}

}  // namespace causeway

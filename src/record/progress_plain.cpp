// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "record/progress_forms.h"
#include "record/tally.h"

namespace causeway {
namespace {

constexpr int64_t kLinesOfRun = 20;             // one every 5 %
constexpr int64_t kLineNsMax = 10'000'000'000;  // and one after this time
constexpr size_t kLossesMax = 4;                // more are shown by their mean

class PlainProgress final : public Listener {
 public:
  PlainProgress(std::FILE* out, const Clock& clock) : out_(out), clock_(clock), tally_(clock) {}

  void on_start(const RunInfo& info) override {
    tally_.start(info);
    print(start_lines(info));
    printed(info.first_step);
  }
  void on_step(const StepReport& report) override {
    // A report of a later step says that all workers have told of the one before.
    if (report.step > tally_.at_step()) print_if_due();
    tally_.step(report);
  }
  void on_tick() override { print_if_due(); }
  void on_round(const RoundReport& report) override {
    tally_.round(report);
    if (const auto line = round_line(report, tally_.info())) print({*line});
  }
  void on_valid(const ValidReport& report) override { print({valid_line(report)}); }
  void on_checkpoint(int64_t step, const std::string& path) override {
    print({Line(fmt::format("step {}: checkpoint {}", grouped_text(step), path))});
  }
  void on_notice(Notice level, const std::string& text) override {
    print({notice_line(level, text)});
  }
  void on_end(const RunSummary& summary) override {
    if (tally_.at_step() > printed_step_) print({step_line()});
    print(end_lines(tally_.info(), summary));
  }

 private:
  void print(const std::vector<Line>& lines) {
    for (const Line& line : lines) fmt::print(out_, "{}\n", line.plain());
    std::fflush(out_);
  }
  void printed(int64_t step) {
    printed_step_ = step;
    printed_ns_ = clock_.now_ns();
  }
  void print_if_due() {
    const int64_t step = tally_.at_step(), steps = std::max<int64_t>(1, tally_.info().steps);
    if (step == printed_step_) return;
    const bool crossed = step * kLinesOfRun / steps > printed_step_ * kLinesOfRun / steps;
    if (!crossed && clock_.now_ns() - printed_ns_ < kLineNsMax) return;
    print({step_line()});
    printed(step);
  }
  Line step_line() const;

  std::FILE* out_;
  const Clock& clock_;
  Tally tally_;
  int64_t printed_step_ = 0, printed_ns_ = 0;
};

Line PlainProgress::step_line() const {
  Line line(fmt::format("step {}/{} ({:.0f} %)", tally_.at_step(), tally_.info().steps,
                        100 * tally_.fraction()));
  line.add("  loss");
  if (tally_.rows().size() > kLossesMax)
    line.add(fmt::format(" {:.4f}", tally_.loss()));
  else
    for (const Tally::Row& row : tally_.rows())
      if (!row.loss.empty()) line.add(fmt::format(" {} {:.4f}", row.name, row.loss.value()));
  line.add(fmt::format("  {} tokens/s", count_text(std::llround(tally_.tokens_per_second()))));
  if (tally_.seconds_left() >= 0)
    line.add(fmt::format("  {} left", duration_text(tally_.seconds_left())));
  return line.add("  " + sent_text(tally_.sent_bytes(), tally_.ddp_bytes()));
}

}  // namespace

std::unique_ptr<Listener> plain_progress(std::FILE* out, const Clock& clock) {
  return std::make_unique<PlainProgress>(out, clock);
}

}  // namespace causeway

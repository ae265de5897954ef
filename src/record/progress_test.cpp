// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "record/record.h"
#include "record/test_run.h"
#include "record/words.h"

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Progress : public testing::Test {
 protected:
  Progress() { options_.out = std::fopen(path_.c_str(), "w"); }
  ~Progress() override { std::fclose(options_.out); }

  /// What was written since the last call.
  std::string text() {
    std::fflush(options_.out);
    const std::string all = text_of(path_);
    const std::string text = all.substr(seen_);
    seen_ = all.size();
    return text;
  }
  std::vector<std::string> lines() {
    std::vector<std::string> lines;
    std::istringstream in(text());
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }
  void step(Listener& listener, int64_t step, int64_t milliseconds) {
    clock_.advance_ns(milliseconds * 1'000'000);
    for (int32_t worker : {0, 1}) listener.on_step(small_step(step, worker, 2.5 + worker));
  }

  const std::string path_ = empty_folder() + "/out";
  size_t seen_ = 0;
  ManualClock clock_;
  ProgressOptions options_;
};

TEST_F(Progress, PlainHasALineEveryTwentiethOfTheRun) {
  auto plain = progress(options_, clock_);
  plain->on_start(small_run());
  EXPECT_THAT(lines().front(), "pair: fedavg, 2 workers at 2 sites, 250 parameters, 100 steps");
  for (int64_t at = 1; at <= 10; ++at) step(*plain, at, 500);
  plain->on_round(small_round(1, 10));
  EXPECT_THAT(lines(), ElementsAre("step 5/100 (5 %)  loss north 2.5000 south 3.5000  256 tokens/s"
                                   "  48 s left  0 B sent, DDP would have sent 20.0 kB"));
  plain->on_tick();
  EXPECT_THAT(lines(),
              ElementsAre("step 10/100 (10 %)  loss north 2.5000 south 3.5000  256 tokens/s"
                          "  45 s left  4.0 kB sent, DDP would have sent 40.0 kB: 10x less"));
  plain->on_tick();
  EXPECT_EQ(text(), "");
}

TEST_F(Progress, PlainHasALineAfterTenSeconds) {
  auto plain = progress(options_, clock_);
  RunInfo info = small_run();
  info.steps = 100'000;
  plain->on_start(info);
  text();
  step(*plain, 1, 9'000);
  plain->on_tick();
  EXPECT_EQ(text(), "");
  clock_.advance_ns(1'000'000'000);
  plain->on_tick();
  EXPECT_THAT(lines(), ElementsAre(StartsWith("step 1/100000 (0 %)")));
}

TEST_F(Progress, PlainTellsOfDropsValidationsAndNotices) {
  auto plain = progress(options_, clock_);
  plain->on_start(small_run());
  text();
  RoundReport round = small_round(1, 10);
  plain->on_round(round);
  round.dropped = {{1, "no\x1b[31m heartbeat"}};
  plain->on_round(round);
  round.committed = false;
  plain->on_round(round);
  plain->on_valid({10, "north", 1.5, 2.25, 100});
  plain->on_notice(Notice::kError, "disk\nfull");
  plain->on_checkpoint(10, "runs/pair/checkpoints/10");
  EXPECT_THAT(
      lines(),
      ElementsAre("step 10: round 1 went on; worker 1 (south) dropped: no [31m heartbeat",
                  "step 10: round 1 was aborted; worker 1 (south) dropped: no [31m heartbeat",
                  "step 10: valid north 2.250 bits per byte (1.5000 nats per token)",
                  "error: disk full", "step 10: checkpoint runs/pair/checkpoints/10"));
}

TEST_F(Progress, EndsWithATableForPeople) {
  auto plain = progress(options_, clock_);
  plain->on_start(small_run());
  text();
  plain->on_end(small_summary());
  EXPECT_EQ(text(), R"(
done: 100 steps in 3 min 20 s

  bits per byte   before   after   n-grams
  north            8.000   2.250     2.375
  south            8.100   2.500     2.438

sample
  One fish
  Two fish

exchanged   1.2 MB sent, DDP would have sent 480 MB: 400x less
predicted   40.0 kB for the whole run
report      runs/pair/report.html
log         runs/pair/log.sqlite
checkpoint  runs/pair/checkpoints/100
weights xxh3:0123456789abcdef0123456789abcdef
)");
}

// The screen that a terminal shows after `bytes`: cursor up, carriage return, clear to the end of
// the line and of the screen, and nothing else but colours and the cursor.
class Screen {
 public:
  void show(const std::string& bytes) {
    for (size_t i = 0; i < bytes.size(); ++i) {
      if (bytes[i] == '\x1b') {
        i = escape(bytes, i);
      } else if (bytes[i] == '\r') {
        column_ = 0;
      } else if (bytes[i] == '\n') {
        ++row_;
        column_ = 0;
      } else {
        line().resize(std::max(line().size(), column_ + 1), ' ');
        line()[column_++] = bytes[i];
      }
    }
  }
  std::vector<std::string> lines;
  bool cursor = true;

 private:
  std::string& line() {
    if (lines.size() <= row_) lines.resize(row_ + 1);
    return lines[row_];
  }
  size_t escape(const std::string& bytes, size_t at) {
    const size_t end = bytes.find_first_of("ABCDHJKmhl", at);
    const std::string code = bytes.substr(at + 1, end - at);
    if (code.back() == 'A') {
      const auto up = std::stoul(code.substr(1));
      EXPECT_LE(up, row_);
      row_ -= up;
    } else if (code == "[K") {
      line().resize(column_);
    } else if (code == "[J") {
      lines.resize(row_);
    } else if (code == "[?25l" || code == "[?25h") {
      cursor = code.back() == 'h';
    } else {
      EXPECT_EQ(code.back(), 'm') << code;
    }
    return end;
  }
  size_t row_ = 0, column_ = 0;
};

TEST_F(Progress, TerminalRedrawsItsLinesInPlace) {
  options_.terminal = true;
  Screen screen;
  auto live = progress(options_, clock_);
  live->on_start(small_run());
  screen.show(text());
  EXPECT_FALSE(screen.cursor);
  const size_t header = screen.lines.size() - 3;
  for (int64_t at = 1; at <= 50; ++at) step(*live, at, 200);
  live->on_round(small_round(1, 50));
  clock_.advance_ns(1'000'000'000);
  live->on_tick();
  screen.show(text());
  ASSERT_EQ(screen.lines.size(), header + 3);
  EXPECT_THAT(screen.lines[header], StartsWith("north   50/100  \u2501"));
  EXPECT_THAT(screen.lines[header], HasSubstr("  loss 2.5000  "));
  EXPECT_THAT(screen.lines[header + 1], HasSubstr("  loss 3.5000  "));
  EXPECT_EQ(screen.lines[header + 2],
            "50 %  10 s left  640 tokens/s  4.0 kB sent, 50x less than DDP  round 1: 2 of 2");

  live->on_valid({50, "south", 1.5, 2.25, 100});
  clock_.advance_ns(125'000'000);
  live->on_tick();
  screen.show(text());
  ASSERT_EQ(screen.lines.size(), header + 4);  // it stays above the live lines
  EXPECT_EQ(screen.lines[header],
            "step 50: valid south 2.250 bits per byte (1.5000 nats per token)");
  EXPECT_THAT(screen.lines[header + 1], StartsWith("north "));

  live->on_end(small_summary());
  screen.show(text());
  EXPECT_TRUE(screen.cursor);
  EXPECT_EQ(screen.lines.back(), "weights xxh3:0123456789abcdef0123456789abcdef");
}

TEST_F(Progress, TerminalKeepsToItsWidthAndRate) {
  options_.terminal = true;
  options_.width = 40;
  auto live = progress(options_, clock_);
  RunInfo info = small_run();
  info.sites[0].name = "a site with quite a long name, \u6d77\u6d77\u6d77\u6d77";
  live->on_start(info);
  int64_t frames = 0;
  Screen screen;
  screen.show(text());
  for (int64_t at = 1; at <= 100; ++at) {
    step(*live, at, 10);  // one second in all
    live->on_notice(Notice::kWarning, std::string(300, 'w'));
    live->on_tick();
    const std::string frame = text();
    frames += frame.empty() ? 0 : 1;
    screen.show(frame);
  }
  EXPECT_GT(frames, 4);
  EXPECT_LE(frames, 10);  // eight a second, and one more for each 64 lines that wait
  for (const std::string& line : screen.lines) EXPECT_LE(columns_of(line), 40) << line;
}

TEST_F(Progress, TerminalGivesTheCursorBackWhenTheRunBreaksOff) {
  options_.terminal = true;
  auto live = progress(options_, clock_);
  live->on_start(small_run());
  live.reset();
  EXPECT_THAT(text(), EndsWith("\x1b[?25h"));
}

TEST_F(Progress, TerminalShowsSitesWhereWorkersAreMany) {
  options_.terminal = true;
  RunInfo info = small_run();
  info.worker_sites.clear();
  for (int32_t worker = 0; worker < 40; ++worker) info.worker_sites.push_back(worker % 2);
  auto live = progress(options_, clock_);
  live->on_start(info);
  for (int32_t worker = 0; worker < 40; ++worker) live->on_step(small_step(1, worker));
  Screen screen;
  screen.show(text());
  live.reset();
  screen.show(text());
  EXPECT_THAT(screen.lines.at(screen.lines.size() - 3), StartsWith("north    1/100"));
  EXPECT_THAT(screen.lines.at(screen.lines.size() - 2), StartsWith("south    1/100"));
}

TEST_F(Progress, PlainHasNoEscapes) {
  auto plain = progress(options_, clock_);
  plain->on_start(small_run());
  for (int64_t at = 1; at <= 100; ++at) step(*plain, at, 500);
  plain->on_notice(Notice::kWarning, "w");
  plain->on_end(small_summary());
  EXPECT_THAT(text(), Not(HasSubstr("\x1b")));
}

TEST_F(Progress, JsonIsOneObjectALine) {
  options_.json = true;
  auto json = progress(options_, clock_);
  RunInfo info = small_run();
  info.name = "bad \xff name";
  json->on_start(info);
  step(*json, 1, 1);
  json->on_step(small_step(2, 0, std::numeric_limits<double>::infinity()));
  RoundReport round = small_round(1, 10);
  round.dropped = {{1, "late"}};
  json->on_round(round);
  json->on_valid({10, "north", 1.5, 2.25, 100});
  json->on_checkpoint(10, "there");
  json->on_notice(Notice::kWarning, "two\nlines");
  json->on_end(small_summary());
  std::vector<nlohmann::json> events;
  std::vector<std::string> names;
  for (const std::string& line : lines()) {
    events.push_back(nlohmann::json::parse(line));
    names.push_back(events.back()["event"]);
  }
  ASSERT_THAT(names, ElementsAre("start", "step", "step", "step", "round", "valid", "checkpoint",
                                 "notice", "end"));
  EXPECT_EQ(events[0]["name"], "bad \xef\xbf\xbd name");
  EXPECT_EQ(events[0]["channels"][0]["up_bytes"], 1000);
  EXPECT_EQ(events[2]["loss"], 3.5);
  EXPECT_TRUE(events[3]["loss"].is_null());
  EXPECT_EQ(events[4]["members"][1], (nlohmann::json{{"worker", 1}, {"weight", 640}}));
  EXPECT_EQ(events[4]["dropped"][0], (nlohmann::json{{"worker", 1}, {"reason", "late"}}));
  EXPECT_EQ(events[5]["bits_per_byte"], 2.25);
  EXPECT_EQ(events[7]["text"], "two\nlines");
  EXPECT_EQ(events[8]["weights"], "xxh3:0123456789abcdef0123456789abcdef");
  EXPECT_EQ(events[8]["last_valid"][1]["bits_per_byte"], 2.5);
  EXPECT_EQ(events[8]["yardstick"]["north"], 2.375);
}

TEST_F(Progress, JsonThinsOutTheStepsOfALongRun) {
  options_.json = true;
  auto json = progress(options_, clock_);
  RunInfo info = small_run();
  info.steps = 50'001;
  json->on_start(info);
  for (int64_t at = 1; at <= info.steps; ++at) json->on_step(small_step(at, 0));
  json->on_tick();
  const auto written = lines();
  EXPECT_EQ(written.size(), 1 + 50'001 / 51 + 1);  // start, every 51st, the last
  EXPECT_EQ(nlohmann::json::parse(written.back())["step"], 50'001);
}

}  // namespace
}  // namespace causeway

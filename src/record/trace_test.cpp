// SPDX-License-Identifier: Apache-2.0
#include "record/record.h"
#include "record/test_run.h"

namespace causeway {
namespace {

std::string line_of(int64_t step, int worker) {
  return fmt::format("{{\"step\": {}, \"worker\": {}, \"loss\": 2.5, \"gradient_norm\": 0.5}}\n",
                     step, worker);
}

void write_steps(const std::string& path, int64_t first_step, int64_t last_step) {
  auto trace = trace_file(path).value();
  trace->on_start(small_run(first_step));
  for (int64_t step = first_step + 1; step <= last_step; ++step)
    for (int32_t worker : {0, 1}) trace->on_step(small_step(step, worker));
}

TEST(Trace, KeepsAllDigitsInOrder) {
  const std::string path = empty_folder() + "/trace.jsonl";
  auto trace = trace_file(path).value();
  trace->on_start(small_run());
  trace->on_step(small_step(1, 0, 0.1));
  trace->on_step(small_step(1, 1, 1.0 / 3));
  StepReport resting = small_step(2, 0);
  resting.trained = false;
  trace->on_step(resting);
  trace->on_step(small_step(2, 1, std::numeric_limits<double>::quiet_NaN()));
  trace->on_tick();
  EXPECT_EQ(text_of(path),
            "{\"step\": 1, \"worker\": 0, \"loss\": 0.1, \"gradient_norm\": 0.5}\n"
            "{\"step\": 1, \"worker\": 1, \"loss\": 0.3333333333333333, \"gradient_norm\": 0.5}\n"
            "{\"step\": 2, \"worker\": 1, \"loss\": null, \"gradient_norm\": 0.5}\n");
}

// Goal: a run that was killed and resumed leaves the trace of one that was not.
TEST(Trace, OfAResumedRunIsThatOfAnUninterruptedOne) {
  const std::string folder = empty_folder();
  write_steps(folder + "/whole", 0, 6);
  write_steps(folder + "/parts", 0, 5);
  std::ofstream(folder + "/parts", std::ios::app) << "{\"step\": 6, \"wor";  // torn by the kill
  write_steps(folder + "/parts", 3, 6);
  EXPECT_EQ(text_of(folder + "/parts"), text_of(folder + "/whole"));
}

TEST(Trace, TornLineGoesThoughItsStepStays) {
  const std::string path = empty_folder() + "/trace.jsonl";
  write_steps(path, 0, 2);
  std::ofstream(path, std::ios::app) << line_of(3, 0) << "{\"step\": 3, \"worker\": 1}";
  write_steps(path, 3, 3);
  EXPECT_EQ(text_of(path),
            line_of(1, 0) + line_of(1, 1) + line_of(2, 0) + line_of(2, 1) + line_of(3, 0));
}

TEST(Trace, OfANewRunStartsOver) {
  const std::string path = empty_folder() + "/trace.jsonl";
  write_steps(path, 0, 5);
  write_steps(path, 0, 1);
  EXPECT_EQ(text_of(path), line_of(1, 0) + line_of(1, 1));
}

TEST(Trace, TellsOfAFullDiskOnce) {
  const LogCatcher log;
  auto trace = trace_file("/dev/full").value();
  trace->on_start(small_run());
  for (int64_t step = 1; step <= 3; ++step) {
    trace->on_step(small_step(step, 0));
    trace->on_tick();
  }
  EXPECT_EQ(log.lines(), 1) << log.text();
  EXPECT_NE(log.text().find("/dev/full: cannot write: No space left"), std::string::npos)
      << log.text();
}

TEST(Trace, SaysWhatCannotBeOpened) {
  const auto trace = trace_file(empty_folder() + "/no/such/folder");
  ASSERT_FALSE(trace.ok());
  EXPECT_EQ(trace.error().fault, Fault::kIo);
}

}  // namespace
}  // namespace causeway

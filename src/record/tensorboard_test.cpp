// SPDX-License-Identifier: Apache-2.0
//
// What TensorBoard itself makes of a whole run: tests/python/test_tensorboard.py.
#include <gmock/gmock.h>

#include "record/record.h"
#include "record/test_run.h"

namespace causeway {
namespace {

using testing::ElementsAre;

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

std::string hex(const std::string& bytes) {
  std::string text;
  for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<uint8_t>(byte));
  return text;
}

// Written by the Python package tensorboard 2.21 (RecordWriter over Event messages): a file
// version, a SessionLog START at step 21 and one scalar at step 300, all at 1.5 s.
constexpr const char* kGolden =
    "1800000000000000a37f4b2209000000000000f83f1a0d62"
    "7261696e2e4576656e743a322a28646c0f00000000000000"
    "6d532b0909000000000000f83f10153a020801768d7cfc22"
    "0000000000000078113dfd09000000000000f83f10ac022a"
    "140a120a0b76616c69642f6e6f7274681500001040e2747a"
    "cb";

TEST(TensorBoard, WritesTheBytesOfThePythonPackage) {
  const std::string folder = empty_folder();
  ManualClock clock;
  clock.advance_ns(1'500'000'000);
  auto events = tensorboard_events(folder, clock).value();
  events->on_start(small_run(20));
  events->on_valid({300, "north", 1.5, 2.25, 100});
  events->on_tick();
  ASSERT_THAT(names_in(folder), ElementsAre("events.out.tfevents.0000000001.causeway"));
  EXPECT_EQ(hex(text_of(folder + "/events.out.tfevents.0000000001.causeway")), kGolden);
}

TEST(TensorBoard, ResumedWithinASecondTakesALaterName) {
  const std::string folder = empty_folder();
  const ManualClock clock;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(tensorboard_events(folder, clock).ok());
  EXPECT_THAT(names_in(folder), ElementsAre("events.out.tfevents.0000000000.causeway",
                                            "events.out.tfevents.0000000001.causeway",
                                            "events.out.tfevents.0000000002.causeway"));
  EXPECT_FALSE(tensorboard_events(folder + "/nowhere", clock).ok());
}

TEST(TensorBoard, TellsOfAFullDiskOnce) {
  const std::string folder = empty_folder();
  const ManualClock clock;
  const LogCatcher log;
  auto events = tensorboard_events(folder, clock).value();
  events->on_start(small_run());
  const FullDisk full(60);
  for (int64_t step = 1; step <= 3; ++step) {
    events->on_step(small_step(step, 0));
    events->on_valid({step, "north", 1.5, 2.25, 100});
    events->on_tick();
  }
  EXPECT_EQ(log.lines(), 1) << log.text();
}

}  // namespace
}  // namespace causeway

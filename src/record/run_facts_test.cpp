// SPDX-License-Identifier: Apache-2.0
#include "record/run_facts.h"

#include <gtest/gtest.h>

#include <fstream>

#include "record/record.h"
#include "record/test_run.h"

namespace causeway {
namespace {

class RunFactsOfALog : public testing::Test {
 protected:
  /// A run of 20 steps with rounds at 10 and 20, and validations at 0, 10 and 20.
  void write_log() {
    ManualClock clock;
    const auto log = sqlite_log(path_, clock).value();
    log->on_start(small_run());
    for (const int64_t step : {0, 10, 20})
      for (const char* site : {"north", "south"})
        log->on_valid({step, site, 5.0, 8.0 - 0.1 * static_cast<double>(step), 100});
    for (int64_t step = 1; step <= 20; ++step)
      for (int32_t worker = 0; worker < 2; ++worker) log->on_step(small_step(step, worker));
    log->on_round(small_round(1, 10));
    RoundReport aborted = small_round(2, 20);
    aborted.committed = false;
    log->on_round(aborted);
    log->on_round(small_round(2, 20));
    log->on_end(small_summary());
  }

  const std::string path_ = empty_folder() + "/log.sqlite";
};

TEST_F(RunFactsOfALog, TellWhatTheRunSaid) {
  write_log();
  const auto facts = read_run_facts(path_, 20);
  ASSERT_TRUE(facts.ok()) << facts.error().message;
  EXPECT_EQ(facts->name, "pair");
  EXPECT_EQ(facts->method, "fedavg");
  EXPECT_EQ(facts->recipe_toml, "seed = 1\n");
  EXPECT_EQ(facts->steps, 100);
  EXPECT_EQ(facts->parameters, 250);
  EXPECT_EQ(facts->ddp_bytes_per_step, 4000);
  EXPECT_EQ(facts->trained_tokens, 2 * 64 * 20);
  EXPECT_EQ(facts->up_bytes, 3 * 2000) << "what an aborted round sent was sent";
  EXPECT_EQ(facts->down_bytes, 3 * 2000);
  EXPECT_EQ(facts->rounds, 2);
  ASSERT_EQ(facts->sites.size(), 2u);
  EXPECT_EQ(facts->sites[1].info.name, "south");
  EXPECT_EQ(facts->sites[1].info.train_tokens, 2000);
  EXPECT_EQ(facts->sites[1].info.valid_tokens, 200);
  EXPECT_EQ(facts->sites[1].workers, 1);
  EXPECT_DOUBLE_EQ(facts->sites[1].first_bits_per_byte.value(), 8.0);
  EXPECT_DOUBLE_EQ(facts->sites[1].last_bits_per_byte.value(), 6.0);
  EXPECT_EQ(facts->sites[1].last_step, 20);
  ASSERT_EQ(facts->channels.size(), 1u);
  EXPECT_EQ(facts->channels[0].name, "weights");
  EXPECT_EQ(facts->channels[0].up, "fp32");
  EXPECT_EQ(facts->channels[0].values, 250);
  EXPECT_EQ(facts->channels[0].period, 10);
}

TEST_F(RunFactsOfALog, EndAtTheStep) {
  write_log();
  const auto facts = read_run_facts(path_, 15);
  ASSERT_TRUE(facts.ok()) << facts.error().message;
  EXPECT_EQ(facts->step, 15);
  EXPECT_EQ(facts->trained_tokens, 2 * 64 * 15);
  EXPECT_EQ(facts->up_bytes, 2000);
  EXPECT_EQ(facts->rounds, 1);
  EXPECT_DOUBLE_EQ(facts->sites[0].last_bits_per_byte.value(), 7.0);
  EXPECT_EQ(facts->sites[0].last_step, 10);
}

TEST_F(RunFactsOfALog, AreReadWhileTheRunGoesOn) {
  ManualClock clock;
  const auto log = sqlite_log(path_, clock).value();
  log->on_start(small_run());
  log->on_step(small_step(1, 0));
  log->on_tick();
  const auto facts = read_run_facts(path_, 1);
  ASSERT_TRUE(facts.ok()) << facts.error().message;
  EXPECT_EQ(facts->trained_tokens, 64);
  EXPECT_FALSE(facts->sites[0].first_bits_per_byte.has_value());
}

TEST_F(RunFactsOfALog, SurviveWhatIsNoLog) {
  EXPECT_EQ(read_run_facts(path_, 1).error().fault, Fault::kIo);
  std::ofstream(path_) << std::string(5000, 'x');
  EXPECT_EQ(read_run_facts(path_, 1).error().fault, Fault::kCorrupt);
  std::ofstream(path_, std::ios::trunc);  // an empty file is a database without tables
  EXPECT_EQ(read_run_facts(path_, 1).error().fault, Fault::kCorrupt);
}

// Method: a good log with bytes changed all over; facts or an error are both right.
TEST_F(RunFactsOfALog, SurviveDamage) {
  write_log();
  const std::string good = text_of(path_);
  ASSERT_GT(good.size(), 4096u);
  int failed = 0;
  for (size_t begin = 0; begin < good.size(); begin += good.size() / 60) {
    std::string text = good;
    for (size_t i = begin; i < std::min(text.size(), begin + 40); ++i) text[i] ^= '\x5a';
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << text;
    failed += read_run_facts(path_, 20).ok() ? 0 : 1;
  }
  EXPECT_GT(failed, 0);
}

}  // namespace
}  // namespace causeway

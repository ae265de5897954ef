// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <sqlite3.h>

#include "record/record.h"
#include "record/test_run.h"

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// Rows of a query as text, columns joined by '|'; read through a connection of its own.
std::vector<std::string> rows(const std::string& path, const std::string& query) {
  sqlite3* db = nullptr;
  EXPECT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  std::vector<std::string> found;
  const auto collect = [](void* out, int count, char** texts, char**) {
    std::string row;
    for (int i = 0; i < count; ++i) {
      if (i > 0) row += '|';
      row += texts[i] == nullptr ? "NULL" : texts[i];
    }
    static_cast<std::vector<std::string>*>(out)->push_back(row);
    return 0;
  };
  EXPECT_EQ(sqlite3_exec(db, query.c_str(), collect, &found, nullptr), SQLITE_OK)
      << sqlite3_errmsg(db);
  sqlite3_close(db);
  return found;
}

class SqliteLog : public testing::Test {
 protected:
  std::unique_ptr<Listener> open() { return sqlite_log(path_, clock_).value(); }

  const std::string path_ = empty_folder() + "/log.sqlite";
  ManualClock clock_;
};

TEST_F(SqliteLog, HoldsWhatTheRunSaid) {
  auto log = open();
  log->on_start(small_run());
  log->on_step(small_step(1, 0));
  StepReport resting = small_step(1, 1, std::numeric_limits<double>::quiet_NaN());
  resting.trained = false;
  log->on_step(resting);
  RoundReport round = small_round(1, 10);
  round.members = {{0, 640}};
  round.dropped = {{1, "no heartbeat; it's gone"}};
  log->on_round(round);
  log->on_valid({10, "north", 1.5, 2.25, 100});
  clock_.advance_ns(7'000'000);
  log->on_notice(Notice::kWarning, "slow");
  log->on_end(small_summary());

  EXPECT_THAT(rows(path_, "SELECT * FROM steps"),
              ElementsAre("1|0|2.5|0.5|0.25|64|0.125|1", "1|1|NULL|0.5|0.25|64|0.125|0"));
  EXPECT_THAT(rows(path_, "SELECT * FROM rounds"), ElementsAre("1|10|weights|2000|2000|0.01|1"));
  EXPECT_THAT(rows(path_, "SELECT * FROM members"),
              ElementsAre("1|0|640|NULL", "1|1|NULL|no heartbeat; it's gone"));
  EXPECT_THAT(rows(path_, "SELECT * FROM validations"), ElementsAre("10|north|1.5|2.25|100"));
  EXPECT_THAT(rows(path_, "SELECT * FROM notices"), ElementsAre("7|warning|slow"));
  EXPECT_THAT(rows(path_, "SELECT * FROM sites"),
              ElementsAre("north|1000|100|2.375", "south|2000|200|2.4375"));
  EXPECT_THAT(rows(path_, "SELECT * FROM workers"), ElementsAre("0|north", "1|south"));
  EXPECT_THAT(rows(path_, "SELECT * FROM channels"),
              ElementsAre("0|weights|parameters|all|fp32|fp32|250|10|1000|1000"));
  EXPECT_THAT(rows(path_,
                   "SELECT value FROM run WHERE key IN ('name', 'finished', 'weights') "
                   "ORDER BY key"),
              ElementsAre("1", "pair", "xxh3:0123456789abcdef0123456789abcdef"));
  EXPECT_THAT(rows(path_, "PRAGMA user_version"), ElementsAre("1"));
  EXPECT_THAT(rows(path_, "PRAGMA journal_mode"), ElementsAre("wal"));
}

TEST_F(SqliteLog, RowsAreSeenAfterATickOrAThousand) {
  auto log = open();
  log->on_start(small_run());
  for (int64_t step = 1; step <= 999; ++step) log->on_step(small_step(step, 0));
  EXPECT_THAT(rows(path_, "SELECT count(*) FROM steps"), ElementsAre("0"));
  log->on_step(small_step(1000, 0));
  EXPECT_THAT(rows(path_, "SELECT count(*) FROM steps"), ElementsAre("1000"));
  log->on_step(small_step(1001, 0));
  log->on_tick();
  EXPECT_THAT(rows(path_, "SELECT count(*) FROM steps"), ElementsAre("1001"));
}

TEST_F(SqliteLog, ResumedRunDropsWhatItRepeats) {
  {
    auto log = open();
    log->on_start(small_run());
    log->on_valid({0, "north", 5.5, 8.0, 100});
    for (int64_t step = 1; step <= 30; ++step) {
      log->on_step(small_step(step, 0, 1.0));
      if (step % 10 == 0) log->on_round(small_round(step / 10, step));
      if (step % 10 == 0) log->on_valid({step, "north", 1.5, 2.25, 100});
    }
    log->on_notice(Notice::kInfo, "left early");
  }  // left without an end
  auto log = open();
  log->on_start(small_run(20));
  EXPECT_THAT(rows(path_, "SELECT min(step), max(step), count(*) FROM steps"),
              ElementsAre("1|20|20"));
  EXPECT_THAT(rows(path_, "SELECT round FROM rounds"), ElementsAre("1", "2"));
  EXPECT_THAT(rows(path_, "SELECT DISTINCT round FROM members"), ElementsAre("1", "2"));
  EXPECT_THAT(rows(path_, "SELECT step FROM validations"), ElementsAre("0", "10", "20"));
  EXPECT_THAT(rows(path_, "SELECT text FROM notices"), ElementsAre("left early"));
  log->on_valid({20, "north", 1.25, 2.0, 100});  // said again by the resumed run
  log->on_step(small_step(21, 0, 3.0));
  log->on_tick();
  EXPECT_THAT(rows(path_, "SELECT loss FROM steps WHERE step = 21"), ElementsAre("3.0"));
  EXPECT_THAT(rows(path_, "SELECT bits_per_byte FROM validations WHERE step = 20"),
              ElementsAre("2.0"));
}

TEST_F(SqliteLog, RunFromTheStartReplacesEverything) {
  {
    auto log = open();
    log->on_start(small_run());
    log->on_step(small_step(1, 0));
    log->on_round(small_round(1, 10));
    log->on_valid({0, "north", 5.5, 8.0, 100});
    log->on_notice(Notice::kInfo, "old");
  }
  auto log = open();
  log->on_start(small_run());
  for (const char* table : {"steps", "rounds", "members", "validations", "notices"})
    EXPECT_THAT(rows(path_, fmt::format("SELECT * FROM {}", table)), IsEmpty()) << table;
}

TEST_F(SqliteLog, RefusesWhatIsNotItsOwn) {
  std::ofstream(path_) << std::string(4096, 'x');
  const auto garbage = sqlite_log(path_, clock_);
  ASSERT_FALSE(garbage.ok());
  EXPECT_THAT(garbage.error().message, testing::HasSubstr("not a database"));
  std::filesystem::remove(path_);
  rows(path_, "PRAGMA user_version = 9");
  const auto newer = sqlite_log(path_, clock_);
  ASSERT_FALSE(newer.ok());
  EXPECT_EQ(newer.error().fault, Fault::kBadInput);
  EXPECT_FALSE(sqlite_log(path_ + "/nowhere/log.sqlite", clock_).ok());
}

TEST_F(SqliteLog, FullDiskEndsTheLogNotTheRun) {
  const LogCatcher told;
  {
    auto log = open();
    log->on_start(small_run());
    log->on_step(small_step(1, 0));
    log->on_tick();
    const FullDisk full(std::filesystem::file_size(path_ + "-wal") + 8192);
    for (int64_t step = 2; step <= 5000; ++step) {
      log->on_step(small_step(step, 0));
      if (step % 100 == 0) log->on_tick();
    }
    log->on_end(small_summary());
    EXPECT_EQ(told.lines(), 1) << told.text();
    EXPECT_THAT(told.text(), testing::HasSubstr("log.sqlite: cannot write: "));
  }
  EXPECT_THAT(rows(path_, "SELECT count(*) > 0 AND count(*) < 5000 FROM steps"), ElementsAre("1"));
  EXPECT_THAT(rows(path_, "PRAGMA integrity_check"), ElementsAre("ok"));
}

}  // namespace
}  // namespace causeway

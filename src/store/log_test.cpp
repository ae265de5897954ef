// SPDX-License-Identifier: Apache-2.0
//
// The contract of DurableLog over both kinds.
#include "store/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "sim/sim_disk.h"
#include "store/test_log.h"

namespace causeway {
namespace {

using testing::IsEmpty;

/// Where a log lives while its process comes and goes.
class LogHome {
 public:
  virtual ~LogHome() = default;
  virtual Result<Log> open() = 0;
  /// Ends the process without notice.
  virtual void crash(Log log) = 0;
};

class FileHome final : public LogHome {
 public:
  explicit FileHome(uint64_t seed = 1) : disk_(seed) {}
  Result<Log> open() override { return open_file_log(disk_, "log"); }
  void crash(Log log) override {
    log.reset();
    disk_.crash();
  }
  SimDisk& disk() { return disk_; }

 private:
  SimDisk disk_;
};

class SqliteHome final : public LogHome {
 public:
  SqliteHome() : folder_(fresh_folder("log")) { std::filesystem::create_directory(folder_); }
  Result<Log> open() override { return open_sqlite_log(path()); }
  void crash(Log log) override {
    // The files as they lie there now: closing would tidy up.
    const std::string copy = folder_ + ".crashed";
    std::filesystem::remove_all(copy);
    std::filesystem::copy(folder_, copy);
    log.reset();
    std::filesystem::remove_all(folder_);
    std::filesystem::rename(copy, folder_);
  }
  std::string path() const { return folder_ + "/log.sqlite"; }

 private:
  std::string folder_;
};

struct LogKind {
  const char* name;
  std::function<std::unique_ptr<LogHome>()> make;
};

const LogKind kLogKinds[] = {
    {"File", [] { return std::make_unique<FileHome>(); }},
    {"Sqlite", [] { return std::make_unique<SqliteHome>(); }},
};

class EveryLog : public testing::TestWithParam<LogKind> {
 protected:
  std::unique_ptr<LogHome> home_ = GetParam().make();
};

TEST_P(EveryLog, StartsEmpty) {
  for (int opened = 0; opened < 2; ++opened) {
    const Log log = home_->open().value();
    EXPECT_THAT(log->entries(), IsEmpty());
    EXPECT_EQ(log->last_sequence(), 0);
    EXPECT_EQ(log->durable_sequence(), 0);
    EXPECT_EQ(log->torn_bytes(), 0);
    EXPECT_TRUE(log->sync().ok());
  }
}

TEST_P(EveryLog, KeepsWhatWasSyncedOverACrash) {
  Log log = home_->open().value();
  append(*log, 1, 30);
  EXPECT_EQ(log->durable_sequence(), 0);
  ASSERT_TRUE(log->sync().ok());
  EXPECT_EQ(log->durable_sequence(), 30);
  EXPECT_EQ(log->last_sequence(), 30);
  EXPECT_THAT(log->entries(), IsEmpty()) << "it held none when it was opened";
  home_->crash(std::move(log));
  log = home_->open().value();
  EXPECT_EQ(log->entries(), entries_of(1, 30));
  EXPECT_EQ(log->durable_sequence(), 30);
  append(*log, 31, 33);
  ASSERT_TRUE(log->sync().ok());
  log->forget_entries();
  EXPECT_THAT(log->entries(), IsEmpty());
  home_->crash(std::move(log));
  EXPECT_EQ(home_->open().value()->entries(), entries_of(1, 33));
}

TEST_P(EveryLog, LosesAtMostTheEndOfWhatWasNotSynced) {
  for (int64_t round = 0; round < 20; ++round) {
    home_ = GetParam().make();
    Log log = home_->open().value();
    append(*log, 1, 5);
    ASSERT_TRUE(log->sync().ok());
    append(*log, 6, 12);
    home_->crash(std::move(log));
    log = home_->open().value();
    ASSERT_GE(log->last_sequence(), 5);
    EXPECT_EQ(log->entries(), entries_of(1, log->last_sequence()));
    EXPECT_EQ(log->durable_sequence(), log->last_sequence());
    append(*log, log->last_sequence() + 1, 20);
    ASSERT_TRUE(log->sync().ok());
    home_->crash(std::move(log));
    EXPECT_EQ(home_->open().value()->entries(), entries_of(1, 20));
  }
}

TEST_P(EveryLog, ARestartStandsForAllBefore) {
  Log log = home_->open().value();
  const Bytes big = noise(300'000, 1), snapshot = noise(999, 7);
  ASSERT_TRUE(log->append(1, big).ok() && log->sync().ok());
  ASSERT_TRUE(log->append(2, big).ok());
  const int64_t before = log->bytes();
  ASSERT_TRUE(log->restart(2, snapshot).ok());
  EXPECT_LT(log->bytes(), before / 4);
  EXPECT_EQ(log->durable_sequence(), 2);
  home_->crash(std::move(log));
  log = home_->open().value();
  EXPECT_EQ(log->entries(), (Entries{{2, snapshot}}));
  append(*log, 3, 4);
  ASSERT_TRUE(log->sync().ok());
  ASSERT_TRUE(log->restart(1000, {}).ok()) << "later than all entries, and empty";
  append(*log, 1001, 1001);
  ASSERT_TRUE(log->sync().ok());
  home_->crash(std::move(log));
  EXPECT_EQ(home_->open().value()->entries(), (Entries{{1000, {}}, entry_of(1001)}));
}

TEST_P(EveryLog, TakesLargeAndEmptyEntries) {
  Log log = home_->open().value();
  const Entries wanted = {{1, noise(3'000'000, 1)}, {2, {}}, {3, noise(1, 2)}};
  for (const LogEntry& entry : wanted) ASSERT_TRUE(log->append(entry.sequence, entry.bytes).ok());
  ASSERT_TRUE(log->sync().ok());
  EXPECT_GT(log->bytes(), 3'000'000);
  log.reset();
  EXPECT_EQ(home_->open().value()->entries(), wanted);
}

using EveryLogDeathTest = EveryLog;

TEST_P(EveryLogDeathTest, RefusesAGapAndAStepBack) {
  const Log log = home_->open().value();
  append(*log, 1, 2);
  EXPECT_DEATH((void)log->append(4, {}).ok(), "entry 4 after entry 2");
  EXPECT_DEATH((void)log->append(2, {}).ok(), "entry 2 after entry 2");
  EXPECT_DEATH((void)log->restart(1, {}).ok(), "entry 1 after entry 2");
}

const auto kLogName = [](const auto& test) { return test.param.name; };
INSTANTIATE_TEST_SUITE_P(Logs, EveryLog, testing::ValuesIn(kLogKinds), kLogName);
INSTANTIATE_TEST_SUITE_P(Logs, EveryLogDeathTest, testing::ValuesIn(kLogKinds), kLogName);

}  // namespace
}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
//
// The contract of DurableLog over both kinds, and what is special about each.
#include "store/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <fstream>
#include <functional>

#include "sim/sim_disk.h"
#include "store/test_disk.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;
using testing::AnyOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Log = std::unique_ptr<DurableLog>;
using Entries = std::vector<LogEntry>;

/// Where a log lives while its process comes and goes.
class Home {
 public:
  virtual ~Home() = default;
  virtual Result<Log> open() = 0;
  /// Ends the process without notice.
  virtual void crash(Log log) = 0;
};

class FileHome final : public Home {
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

class SqliteHome final : public Home {
 public:
  SqliteHome() : folder_(fresh_folder("log")) { fs::create_directory(folder_); }
  Result<Log> open() override { return open_sqlite_log(path()); }
  void crash(Log log) override {
    // The files as they lie there now: closing would tidy up.
    const std::string copy = folder_ + ".crashed";
    fs::remove_all(copy);
    fs::copy(folder_, copy);
    log.reset();
    fs::remove_all(folder_);
    fs::rename(copy, folder_);
  }
  std::string path() const { return folder_ + "/log.sqlite"; }

 private:
  std::string folder_;
};

struct Kind {
  const char* name;
  std::function<std::unique_ptr<Home>()> make;
};

const Kind kKinds[] = {
    {"File", [] { return std::make_unique<FileHome>(); }},
    {"Sqlite", [] { return std::make_unique<SqliteHome>(); }},
};

LogEntry entry_of(int64_t sequence) {
  const auto n = static_cast<uint32_t>(sequence);
  return {sequence, noise(n * 37 % 101, n)};
}

Entries entries_of(int64_t first, int64_t last) {
  Entries out;
  for (int64_t sequence = first; sequence <= last; ++sequence) out.push_back(entry_of(sequence));
  return out;
}

void append(DurableLog& log, int64_t first, int64_t last) {
  for (const LogEntry& entry : entries_of(first, last))
    ASSERT_TRUE(log.append(entry.sequence, entry.bytes).ok());
}

class EveryLog : public testing::TestWithParam<Kind> {
 protected:
  std::unique_ptr<Home> home_ = GetParam().make();
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

const auto kNameOf = [](const auto& test) { return test.param.name; };
INSTANTIATE_TEST_SUITE_P(Logs, EveryLog, testing::ValuesIn(kKinds), kNameOf);
INSTANTIATE_TEST_SUITE_P(Logs, EveryLogDeathTest, testing::ValuesIn(kKinds), kNameOf);

// ---- the file

constexpr int64_t kHeadBytes = 16;

Bytes image_of(SimDisk& disk) { return disk.read("log", 0, disk.size("log").value()).value(); }

/// Opens a log whose file is `image`.
Result<Log> open_image(const Bytes& image, std::unique_ptr<SimDisk>& disk) {
  disk = std::make_unique<SimDisk>(1);
  CW_CHECK(disk->append("log", image).ok());
  return open_file_log(*disk, "log");
}

/// A snapshot and three entries.
Bytes example_image() {
  FileHome home;
  const Log log = home.open().value();
  CW_CHECK(log->restart(100, entry_of(100).bytes).ok());
  for (const LogEntry& entry : entries_of(101, 103))
    CW_CHECK(log->append(entry.sequence, entry.bytes).ok());
  return image_of(home.disk());
}

// Recovery from any prefix: exactly the entries that lie whole before the cut.
TEST(FileLog, OpensWithTheEntriesBeforeAnyCut) {
  FileHome home;
  const Log log = home.open().value();
  std::vector<size_t> ends{static_cast<size_t>(kHeadBytes)};
  for (int64_t sequence = 1; sequence <= 6; ++sequence) {
    append(*log, sequence, sequence);
    ends.push_back(image_of(home.disk()).size());
  }
  const Bytes image = image_of(home.disk());
  for (size_t cut = 0; cut <= image.size(); ++cut) {
    std::unique_ptr<SimDisk> disk;
    const auto got = open_image({image.begin(), image.begin() + static_cast<ptrdiff_t>(cut)}, disk);
    if (cut < ends.front()) {
      // The head was durable before the file had its name.
      ASSERT_FALSE(got.ok());
      EXPECT_EQ(got.error().fault, Fault::kCorrupt);
      continue;
    }
    const auto whole = std::upper_bound(ends.begin(), ends.end(), cut) - ends.begin() - 1;
    ASSERT_TRUE(got.ok()) << cut << ": " << got.error().message;
    EXPECT_EQ(got.value()->entries(), entries_of(1, whole)) << cut;
    EXPECT_EQ(got.value()->torn_bytes(),
              static_cast<int64_t>(cut - ends[static_cast<size_t>(whole)]));
    EXPECT_EQ(disk->size("log").value(), static_cast<int64_t>(ends[static_cast<size_t>(whole)]));
  }
}

TEST(FileLog, ReportsEveryFlippedBitButThoseOfItsLastEntry) {
  const Bytes image = example_image();
  const size_t last = image.size() - 16 - entry_of(103).bytes.size();
  for (size_t bit = 0; bit < 8 * image.size(); ++bit) {
    Bytes damaged = image;
    damaged[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    std::unique_ptr<SimDisk> disk;
    const auto got = open_image(damaged, disk);
    if (bit / 8 < last) {
      ASSERT_FALSE(got.ok()) << "bit " << bit;
      EXPECT_THAT(got.error().fault, AnyOf(Fault::kCorrupt, Fault::kBadInput));
      EXPECT_EQ(image_of(*disk), damaged) << "what is damaged is left for people to look at";
    } else {
      ASSERT_TRUE(got.ok()) << "bit " << bit;
      EXPECT_EQ(got.value()->entries().size(), 3U) << "bit " << bit;
      EXPECT_EQ(got.value()->entries().back(), entry_of(102));
      EXPECT_EQ(got.value()->torn_bytes(), static_cast<int64_t>(image.size() - last));
    }
  }
}

TEST(FileLog, NamesThePlaceOfDamage) {
  const Bytes image = example_image();
  std::unique_ptr<SimDisk> disk;
  Bytes damaged = image;
  const size_t second = kHeadBytes + 16 + entry_of(100).bytes.size();
  damaged[second + 3] ^= std::byte{0x7f};
  EXPECT_THAT(open_image(damaged, disk).error().message,
              HasSubstr(fmt::format("damaged from byte {} on, after entry 100", second)));
  damaged = image;
  damaged[kHeadBytes + 20] ^= std::byte{1};
  EXPECT_THAT(open_image(damaged, disk).error().message, HasSubstr("snapshot at byte 16"));
  EXPECT_THAT(open_image(bytes_of("A letter of 20 bytes"), disk).error().message,
              HasSubstr("is no log"));
}

TEST(FileLog, RefusesEntriesOfAnotherOrder) {
  const Bytes image = example_image();
  // The second entry is cut out: what follows is good, but is not the next.
  const auto second = static_cast<ptrdiff_t>(kHeadBytes + 16 + entry_of(100).bytes.size());
  Bytes damaged = image;
  damaged.erase(damaged.begin() + second,
                damaged.begin() + second + 16 + std::ssize(entry_of(101).bytes));
  std::unique_ptr<SimDisk> disk;
  EXPECT_THAT(open_image(damaged, disk).error().message, HasSubstr("entry 102 follows entry 100"));
}

TEST(FileLog, GivesUpOnAFileThatIsMadeToKeepItBusy) {
  Bytes image = example_image();
  image.resize(static_cast<size_t>(kHeadBytes) + 16 + entry_of(100).bytes.size());
  // Everywhere lies the head of an entry that claims most of what follows and may come next.
  for (int64_t i = 0; i < 60'000; ++i) {
    ByteWriter writer(image);
    writer.put(static_cast<uint32_t>(400'000));
    writer.put(uint32_t{0});
    writer.put(int64_t{200});
  }
  std::unique_ptr<SimDisk> disk;
  EXPECT_EQ(open_image(image, disk).error().fault, Fault::kCorrupt);
}

// Goal: a crash at any point of any call loses nothing that was acknowledged. Method: the machine
// stops after every number of changes to its disk, on many seeds.
TEST(FileLog, ACrashAtAnyPointLosesNothingDurable) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    for (int64_t stop = 0; stop < 26; ++stop) {
      FileHome home(seed);
      home.disk().stop_after(stop);
      int64_t durable = 0, appended = 0, snapshot = 0, next_snapshot = 0;
      if (auto opened = home.open()) {
        DurableLog& log = **opened;
        for (int64_t sequence = 1; sequence <= 12; ++sequence) {
          const Bytes bytes = entry_of(sequence).bytes;
          if (sequence % 5 == 0) {
            next_snapshot = sequence;
            if (!log.restart(sequence, bytes)) break;
            snapshot = durable = appended = sequence;
          } else {
            if (!log.append(sequence, bytes)) break;
            appended = sequence;
            if (sequence % 2 == 0 && log.sync()) durable = sequence;
          }
        }
        EXPECT_EQ(log.durable_sequence(), durable);
      }
      home.disk().crash();
      const auto again = home.open();
      ASSERT_TRUE(again.ok()) << seed << ", " << stop << ": " << again.error().message;
      const Entries& got = again.value()->entries();
      const int64_t last = got.empty() ? 0 : got.back().sequence;
      const int64_t first = got.empty() ? 1 : got.front().sequence;
      EXPECT_GE(last, durable) << seed << ", " << stop;
      EXPECT_LE(last, std::max(appended, next_snapshot));
      EXPECT_TRUE(first == std::max<int64_t>(snapshot, 1) || first == next_snapshot) << first;
      EXPECT_EQ(got, entries_of(first, last)) << seed << ", " << stop;
      EXPECT_THAT(home.disk().list().value(), SizeIs(1));
    }
  }
}

TEST(FileLog, GoesOnWhenAFullDiskHasRoomAgain) {
  FileHome home;
  const Log log = home.open().value();
  append(*log, 1, 3);
  ASSERT_TRUE(log->sync().ok());
  home.disk().set_capacity(home.disk().bytes_used() + 8);
  const auto refused = log->append(4, entry_of(4).bytes);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().fault, Fault::kIo);
  EXPECT_FALSE(log->restart(3, noise(50, 1)).ok());
  EXPECT_EQ(log->last_sequence(), 3);
  home.disk().set_capacity(SimDisk::kNoLimit);
  append(*log, 4, 4);
  ASSERT_TRUE(log->sync().ok());
  EXPECT_EQ(home.open().value()->entries(), entries_of(1, 4));
}

TEST(FileLog, TrustsNothingAfterAFailedSync) {
  FileHome home;
  Log log = home.open().value();
  append(*log, 1, 2);
  home.disk().stop_after(0);
  EXPECT_FALSE(log->sync().ok());
  home.disk().stop_after(SimDisk::kNoLimit);
  EXPECT_THAT(log->sync().error().message, HasSubstr("opened anew"));
  EXPECT_FALSE(log->append(3, {}).ok());
  EXPECT_FALSE(log->restart(3, {}).ok());
  EXPECT_EQ(log->durable_sequence(), 0);
}

// ---- the database

using Path = std::string;

Path sqlite_example(SqliteHome& home) {
  const Log log = home.open().value();
  for (const LogEntry& entry : entries_of(1, 40))
    CW_CHECK(log->append(entry.sequence, entry.bytes).ok());
  CW_CHECK(log->sync().ok());
  return home.path();
}

void execute(const Path& path, const std::string& sql) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(db);
  sqlite3_close(db);
}

TEST(SqliteLog, HasOneOwner) {
  SqliteHome home;
  Log log = home.open().value();
  const auto second = home.open();
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().fault, Fault::kIo);
  EXPECT_THAT(second.error().message, HasSubstr("in use by another process"));
  append(*log, 1, 1);
  ASSERT_TRUE(log->sync().ok());
  log.reset();
  EXPECT_TRUE(home.open().ok());
}

TEST(SqliteLog, ReportsWhatWasChangedInItsRows) {
  for (const std::string sql :
       {"UPDATE log SET bytes = x'00' WHERE sequence = 7",
        "UPDATE log SET crc = 5 WHERE sequence = 40", "DELETE FROM log WHERE sequence = 7",
        "DELETE FROM log WHERE sequence = 40", "DELETE FROM log WHERE sequence = 1",
        "DELETE FROM log", "UPDATE log SET bytes = NULL WHERE sequence = 3",
        "UPDATE log SET sequence = -1 WHERE sequence = 1", "DELETE FROM ends"}) {
    SqliteHome home;
    const Path path = sqlite_example(home);
    execute(path,
            "PRAGMA ignore_check_constraints=1; PRAGMA writable_schema=1;"
            "UPDATE sqlite_schema SET sql = replace(sql, 'NOT NULL', '');");
    execute(path, sql);
    const auto got = home.open();
    ASSERT_FALSE(got.ok()) << sql;
    EXPECT_EQ(got.error().fault, Fault::kCorrupt) << sql << ": " << got.error().message;
  }
}

TEST(SqliteLog, RefusesWhatIsNoLog) {
  SqliteHome home;
  execute(home.path(), "CREATE TABLE run(key, value); PRAGMA user_version=1");
  EXPECT_EQ(home.open().error().fault, Fault::kBadInput);
  fs::remove(home.path());
  const Path path = sqlite_example(home);
  execute(path, "PRAGMA user_version=9");
  EXPECT_THAT(home.open().error().message, HasSubstr("version 9"));
  fs::remove(path);
  std::ofstream(path) << std::string(5000, 'x');
  EXPECT_EQ(home.open().error().fault, Fault::kCorrupt);
  fs::remove(path);
  fs::create_directory(path);
  EXPECT_EQ(home.open().error().fault, Fault::kIo);
}

// A table that is a view, or a trigger that rewrites rows: neither is run.
TEST(SqliteLog, RunsNothingThatTheFileDefines) {
  SqliteHome home;
  const Path path = sqlite_example(home);
  execute(path, "ALTER TABLE log RENAME TO rows; CREATE VIEW log AS SELECT * FROM rows");
  EXPECT_FALSE(home.open().ok());
  fs::remove(path);
  sqlite_example(home);
  execute(path, "CREATE TRIGGER t AFTER INSERT ON log BEGIN DELETE FROM log; END");
  const Log log = home.open().value();
  append(*log, 41, 42);
  ASSERT_TRUE(log->sync().ok());
  EXPECT_EQ(log->last_sequence(), 42);
}

// Goal: no damaged file gives a wrong entry or a crash. Method: one byte after the other, spread
// over the file, is changed; what opens has the true entries.
TEST(SqliteLog, DamageIsReportedOrHarmless) {
  SqliteHome home;
  const Path path = sqlite_example(home);
  std::ifstream in(path, std::ios::binary);
  const std::string image((std::istreambuf_iterator<char>(in)), {});
  const Path copy = path + ".damaged";
  int reported = 0;
  for (size_t at = 0; at < image.size(); at += at < 100 ? 3 : 151) {
    std::string damaged = image;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
    std::ofstream(copy, std::ios::binary) << damaged;
    const auto got = open_sqlite_log(copy);
    if (got.ok())
      EXPECT_EQ(got.value()->entries(), entries_of(1, 40)) << "byte " << at;
    else
      ++reported;
  }
  EXPECT_GT(reported, 10);
}

}  // namespace
}  // namespace causeway

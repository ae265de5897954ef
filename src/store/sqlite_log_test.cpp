// SPDX-License-Identifier: Apache-2.0
//
// Owners, strangers' files and damage of a log in a database.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <fstream>

#include "store/log.h"
#include "store/test_log.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// A folder with a database to be.
struct DatabaseHome {
  DatabaseHome() { fs::create_directory(folder); }
  std::string path() const { return folder + "/log.sqlite"; }
  Result<Log> open() const { return open_sqlite_log(path()); }

  std::string folder = fresh_folder("log");
};

/// Forty entries in the home's database. Returns its path.
std::string sqlite_example(const DatabaseHome& home) {
  const Log log = home.open().value();
  for (const LogEntry& entry : entries_of(1, 40))
    CW_CHECK(log->append(entry.sequence, entry.bytes).ok());
  CW_CHECK(log->sync().ok());
  return home.path();
}

void execute(const std::string& path, const std::string& sql) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(db);
  sqlite3_close(db);
}

TEST(SqliteLog, HasOneOwner) {
  const DatabaseHome home;
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
    const DatabaseHome home;
    const std::string path = sqlite_example(home);
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
  const DatabaseHome home;
  execute(home.path(), "CREATE TABLE run(key, value); PRAGMA user_version=1");
  EXPECT_EQ(home.open().error().fault, Fault::kBadInput);
  fs::remove(home.path());
  const std::string path = sqlite_example(home);
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
  const DatabaseHome home;
  const std::string path = sqlite_example(home);
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
  const DatabaseHome home;
  const std::string path = sqlite_example(home);
  std::ifstream in(path, std::ios::binary);
  const std::string image((std::istreambuf_iterator<char>(in)), {});
  const std::string copy = path + ".damaged";
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

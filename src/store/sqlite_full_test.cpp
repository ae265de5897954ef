// SPDX-License-Identifier: Apache-2.0
//
// A log in a database whose disk is full. SQLite's way to files is replaced by one that refuses to
// write when a test says so; everything else is the system's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <array>

#include "store/log.h"
#include "store/test_log.h"

namespace causeway {
namespace {

constexpr const char* kVfs = "full";

/// SQLite finds it by name and calls it without an argument of ours: hence the one object.
class FullDisk {
 public:
  FullDisk() : system_(sqlite3_vfs_find(nullptr)), vfs_(*system_) {
    CW_CHECK(one_ == nullptr, "one full disk at a time");
    one_ = this;
    vfs_.zName = kVfs;
    vfs_.xOpen = &FullDisk::open;
    CW_CHECK(sqlite3_vfs_register(&vfs_, 1) == SQLITE_OK);
  }
  ~FullDisk() {
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(system_, 1);
    one_ = nullptr;
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

  /// So many writes go through; then there is no space left. -1: there always is.
  void writes_left(int64_t count) { left_ = count; }
  int64_t refused() const { return refused_; }

 private:
  /// A kind of file: its own functions, and those with our write among them.
  struct Kind {
    const sqlite3_io_methods* theirs = nullptr;
    sqlite3_io_methods ours = {};
  };

  static int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    const int code = one_->system_->xOpen(one_->system_, name, file, flags, out_flags);
    if (code == SQLITE_OK && file->pMethods != nullptr) file->pMethods = one_->wrapped(file);
    return code;
  }
  const sqlite3_io_methods* wrapped(const sqlite3_file* file) {
    for (Kind& kind : kinds_) {
      if (kind.theirs == nullptr) {
        kind = {file->pMethods, *file->pMethods};
        kind.ours.xWrite = &FullDisk::write;
        // Room that is set aside is not to be had either, and a mapped file needs no write.
        kind.ours.iVersion = std::min(kind.ours.iVersion, 2);
        kind.ours.xFileControl = &FullDisk::control;
      }
      if (kind.theirs == file->pMethods) return &kind.ours;
    }
    CW_CHECK(false, "too many kinds of files");
    return nullptr;
  }
  static const sqlite3_io_methods* theirs(const sqlite3_file* file) {
    for (const Kind& kind : one_->kinds_)
      if (&kind.ours == file->pMethods) return kind.theirs;
    return nullptr;
  }
  static int write(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
    if (one_->left_ == 0) {
      ++one_->refused_;
      return SQLITE_FULL;
    }
    if (one_->left_ > 0) --one_->left_;
    return theirs(file)->xWrite(file, bytes, count, offset);
  }
  static int control(sqlite3_file* file, int operation, void* argument) {
    if (operation == SQLITE_FCNTL_SIZE_HINT || operation == SQLITE_FCNTL_CHUNK_SIZE)
      return SQLITE_OK;
    return theirs(file)->xFileControl(file, operation, argument);
  }

  static inline FullDisk* one_ = nullptr;
  sqlite3_vfs* const system_;
  sqlite3_vfs vfs_;
  std::array<Kind, 4> kinds_;
  int64_t left_ = -1, refused_ = 0;
};

struct FullDiskHome {
  FullDiskHome() { std::filesystem::create_directory(folder); }
  std::string path() const { return folder + "/log.sqlite"; }
  Result<Log> open() const { return open_sqlite_log(path()); }

  std::string folder = fresh_folder("log");
};

// More than SQLite keeps in memory before it writes.
LogEntry large_entry(int64_t sequence) { return {sequence, noise(6 << 20, 3)}; }

TEST(SqliteFullDisk, AnAppendThatFailsChangesNothingAndWorksWhenThereIsRoom) {
  FullDisk disk;
  const FullDiskHome home;
  Log log = home.open().value();
  append(*log, 1, 10);
  ASSERT_TRUE(log->sync().ok());
  disk.writes_left(5);
  const LogEntry large = large_entry(11);
  const auto refused = log->append(11, large.bytes);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().fault, Fault::kIo);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("full"));
  EXPECT_EQ(log->last_sequence(), 10);
  EXPECT_FALSE(log->append(11, large.bytes).ok()) << "still full";
  disk.writes_left(-1);
  append(*log, 11, 11);
  ASSERT_TRUE(log->append(12, large_entry(12).bytes).ok());
  ASSERT_TRUE(log->sync().ok());
  log.reset();
  Entries wanted = entries_of(1, 11);
  wanted.push_back(large_entry(12));
  EXPECT_EQ(home.open().value()->entries(), wanted);
}

TEST(SqliteFullDisk, ASyncThatFailsLosesNothingDurable) {
  FullDisk disk;
  const FullDiskHome home;
  Log log = home.open().value();
  append(*log, 1, 10);
  ASSERT_TRUE(log->sync().ok());
  append(*log, 11, 20);
  disk.writes_left(0);
  EXPECT_EQ(log->sync().error().fault, Fault::kIo);
  disk.writes_left(-1);
  EXPECT_FALSE(log->append(21, {}).ok()) << "nobody knows what is durable";
  EXPECT_FALSE(log->sync().ok());
  log.reset();
  log = home.open().value();
  EXPECT_EQ(log->entries(), entries_of(1, 10));
  append(*log, 11, 12);
  EXPECT_TRUE(log->sync().ok());
}

// Goal: wherever the disk becomes full, what was acknowledged is there, and the log goes on when
// there is room. Method: every number of writes of a small history, with a restart in it.
TEST(SqliteFullDisk, LosesNothingAcknowledgedWhereverItBecomesFull) {
  int64_t failed = 0;
  for (int64_t writes = 0; writes < 60; ++writes) {
    FullDisk disk;
    const FullDiskHome home;
    disk.writes_left(writes);
    Entries durable;
    bool restarted = false;
    if (const auto log = home.open()) {
      int64_t next = 1;
      const auto grow = [&](int64_t to) {
        for (; next <= to; ++next)
          if (!(*log)->append(next, entry_of(next).bytes)) return false;
        return (*log)->sync().ok();
      };
      if (grow(5)) durable = entries_of(1, 5);
      if (!durable.empty() && grow(9)) durable = entries_of(1, 9);
      if (durable.size() == 9 && (*log)->restart(10, entry_of(10).bytes)) {
        restarted = true;
        ++next;
        durable = {entry_of(10)};
        if (grow(12)) durable = entries_of(10, 12);
      }
    }
    failed += disk.refused() > 0 ? 1 : 0;
    disk.writes_left(-1);
    const auto again = home.open();
    ASSERT_TRUE(again.ok()) << writes << ": " << again.error().message;
    Entries got = (*again)->entries();
    ASSERT_GE(got.size(), durable.size()) << writes;
    const bool kept = std::equal(durable.begin(), durable.end(), got.begin());
    // What was not acknowledged may be there all the same.
    const bool renewed = !restarted && got == Entries{entry_of(10)};
    EXPECT_TRUE(kept || renewed) << writes;
    const int64_t next = (*again)->last_sequence() + 1;
    ASSERT_TRUE((*again)->append(next, entry_of(next).bytes).ok()) << writes;
    ASSERT_TRUE((*again)->sync().ok()) << writes;
  }
  EXPECT_GT(failed, 20);
  EXPECT_LT(failed, 60) << "the last ones have room enough";
}

}  // namespace
}  // namespace causeway

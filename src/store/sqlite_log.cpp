// SPDX-License-Identifier: Apache-2.0
//
// One row for each entry, one transaction for each sync. With synchronous=FULL a commit waits until
// its pages are on the disk; the write-ahead log's own checksums cut off a torn tail. A damaged
// page may hide rows without SQLite's notice, so the first and last sequence are kept a second
// time.
#include <sqlite3.h>

#include <filesystem>
#include <utility>

#include "store/log.h"

namespace causeway {
namespace {

constexpr int kVersion = 1;
constexpr int kApplication = 0x43574c47;  // "CWLG"
constexpr int kBusyMsMax = 250;           // how long another owner may hold us up
constexpr int kRowBytesMax = static_cast<int>(kLogEntryBytesMax) + 1024;

struct Close {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, Close>;
using Statement = std::unique_ptr<sqlite3_stmt, Close>;

Fault fault_of(int code) {
  const int kind = code & 0xff;
  return kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB ? Fault::kCorrupt : Fault::kIo;
}

class SqliteLog final : public DurableLog {
 public:
  explicit SqliteLog(std::string path) : path_(std::move(path)) {}

  Result<void> open();

  const std::vector<LogEntry>& entries() const override { return entries_; }
  void forget_entries() override { entries_ = {}; }
  int64_t last_sequence() const override { return last_; }
  int64_t durable_sequence() const override { return durable_; }

  Result<void> append(int64_t sequence, ByteSpan bytes) override;
  Result<void> sync() override;
  Result<void> restart(int64_t sequence, ByteSpan snapshot) override;

  int64_t bytes() const override;
  int64_t torn_bytes() const override { return 0; }  // SQLite does not tell

 private:
  Error trouble(std::string_view what) const {
    if ((sqlite3_errcode(db_.get()) & 0xff) == SQLITE_BUSY)
      return failure(Fault::kIo, "{}: is in use by another process; wanted: one at a time", path_);
    return failure(fault_of(sqlite3_errcode(db_.get())), "{}: {}: {}", path_, what,
                   sqlite3_errmsg(db_.get()));
  }
  Result<void> usable() const {
    if (!failed_) return {};
    return failure(Fault::kIo, "{}: an earlier write or sync failed; wanted: the log opened anew",
                   path_);
  }
  Result<void> execute(const char* sql) {
    if (sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
    return trouble("cannot be used as a log");
  }
  Result<Statement> prepared(const char* sql) const {
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v2(db_.get(), sql, -1, &raw, nullptr) != SQLITE_OK)
      return trouble("cannot be used as a log");
    return Statement(raw);
  }
  Result<int64_t> number(const char* sql) const;
  Result<void> make_or_check();
  Result<void> read_entries();
  Result<void> insert(int64_t sequence, ByteSpan bytes);
  Result<void> replace_all(int64_t sequence, ByteSpan snapshot);
  /// After a failure: what SQLite took back by itself was appended before, so it is lost.
  void take_back(bool had_appended);

  const std::string path_;
  Database db_;  // before the statement: it is finalized first
  Statement insert_;
  std::vector<LogEntry> entries_;
  int64_t last_ = 0, durable_ = 0;
  bool failed_ = false;
};

Result<void> SqliteLog::open() {
  sqlite3* raw = nullptr;
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  const int code = sqlite3_open_v2(path_.c_str(), &raw, kFlags, nullptr);
  db_.reset(raw);
  if (code != SQLITE_OK)
    return failure(Fault::kIo, "{}: cannot open: {}", path_, sqlite3_errstr(code));
  sqlite3_busy_timeout(raw, kBusyMsMax);
  // The file may be a stranger's: nothing that it defines may run.
  sqlite3_limit(raw, SQLITE_LIMIT_LENGTH, kRowBytesMax);
  constexpr std::pair<int, int> kGuards[] = {{SQLITE_DBCONFIG_DEFENSIVE, 1},
                                             {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
                                             {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
                                             {SQLITE_DBCONFIG_ENABLE_VIEW, 0}};
  for (const auto& [option, value] : kGuards) sqlite3_db_config(raw, option, value, nullptr);
  // Exclusive: the first access takes the lock, which stays until the database is closed.
  CW_TRY(execute("PRAGMA locking_mode=EXCLUSIVE; PRAGMA auto_vacuum=FULL"));
  CW_TRY(make_or_check());
  // A process that was killed in a commit may have left it in the system's memory only.
  CW_TRY(execute("PRAGMA wal_checkpoint(TRUNCATE)"));
  CW_ASSIGN(insert_, prepared("INSERT INTO log VALUES(?, ?, ?)"));
  return read_entries();
}

Result<int64_t> SqliteLog::number(const char* sql) const {
  CW_ASSIGN(const Statement statement, prepared(sql));
  const int code = sqlite3_step(statement.get());
  if (code == SQLITE_DONE) return failure(Fault::kCorrupt, "{}: a row is missing", path_);
  if (code != SQLITE_ROW) return trouble("cannot be read as a log");
  return int64_t{sqlite3_column_int64(statement.get(), 0)};
}

Result<void> SqliteLog::make_or_check() {
  CW_ASSIGN(const int64_t application, number("PRAGMA application_id"));
  CW_ASSIGN(const int64_t version, number("PRAGMA user_version"));
  CW_ASSIGN(const int64_t tables, number("SELECT count(*) FROM sqlite_schema"));
  const bool fresh = application == 0 && version == 0 && tables == 0;
  if (!fresh && application != kApplication)
    return failure(Fault::kBadInput, "{}: is no log of decisions; wanted: another path", path_);
  if (!fresh && version != kVersion)
    return failure(Fault::kBadInput, "{}: is a log of version {}, this program writes {}", path_,
                   version, kVersion);
  CW_TRY(execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; BEGIN EXCLUSIVE"));
  if (fresh) {
    const std::string schema = fmt::format(
        "CREATE TABLE log(sequence INTEGER PRIMARY KEY, crc INTEGER NOT NULL, bytes BLOB NOT NULL);"
        "CREATE TABLE ends(first INTEGER NOT NULL, last INTEGER NOT NULL);"
        "INSERT INTO ends VALUES(0, 0);"
        "PRAGMA application_id={}; PRAGMA user_version={};",
        kApplication, kVersion);
    CW_TRY(execute(schema.c_str()));
  }
  return execute("COMMIT");
}

Result<void> SqliteLog::read_entries() {
  CW_ASSIGN(const Statement rows,
            prepared("SELECT sequence, crc, bytes FROM log ORDER BY sequence"));
  int code = SQLITE_ROW;
  while ((code = sqlite3_step(rows.get())) == SQLITE_ROW) {
    const int64_t sequence = sqlite3_column_int64(rows.get(), 0);
    if (sequence < 1 || sequence > kLogSequenceMax || (!entries_.empty() && sequence != last_ + 1))
      return failure(Fault::kCorrupt, "{}: entry {} follows entry {}", path_, sequence, last_);
    const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(rows.get(), 2));
    const ByteSpan bytes(data, static_cast<size_t>(sqlite3_column_bytes(rows.get(), 2)));
    if (std::ssize(bytes) > kLogEntryBytesMax ||
        sqlite3_column_int64(rows.get(), 1) != log_entry_crc(sequence, bytes))
      return failure(Fault::kCorrupt, "{}: entry {} is damaged", path_, sequence);
    entries_.push_back({sequence, Bytes(bytes.begin(), bytes.end())});
    last_ = durable_ = sequence;
  }
  if (code != SQLITE_DONE) return trouble("cannot be read as a log");
  CW_ASSIGN(const int64_t first, number("SELECT first FROM ends"));
  CW_ASSIGN(const int64_t last, number("SELECT last FROM ends"));
  const int64_t got = entries_.empty() ? 0 : entries_.front().sequence;
  if (first == got && last == last_) return {};
  return failure(Fault::kCorrupt, "{}: has entries {} to {}; wanted: {} to {}", path_, got, last_,
                 first, last);
}

Result<void> SqliteLog::insert(int64_t sequence, ByteSpan bytes) {
  sqlite3_stmt* const row = insert_.get();
  sqlite3_bind_int64(row, 1, sequence);
  sqlite3_bind_int64(row, 2, log_entry_crc(sequence, bytes));
  // A null pointer would be NULL, not an empty blob.
  static constexpr std::byte kEmpty{};
  sqlite3_bind_blob64(row, 3, bytes.empty() ? &kEmpty : bytes.data(), bytes.size(), SQLITE_STATIC);
  const int code = sqlite3_step(row);
  Result<void> result;
  if (code != SQLITE_DONE) result = trouble("cannot be appended to");
  sqlite3_reset(row);
  sqlite3_clear_bindings(row);
  return result;
}

void SqliteLog::take_back(bool had_appended) {
  if (sqlite3_get_autocommit(db_.get())) failed_ = failed_ || had_appended;
}

Result<void> SqliteLog::append(int64_t sequence, ByteSpan bytes) {
  CW_CHECK(sequence == last_ + 1, "entry {} after entry {}", sequence, last_);
  CW_CHECK(std::ssize(bytes) <= kLogEntryBytesMax, "an entry of {} bytes", bytes.size());
  CW_TRY(usable());
  if (sqlite3_get_autocommit(db_.get())) CW_TRY(execute("BEGIN IMMEDIATE"));
  if (auto inserted = insert(sequence, bytes); !inserted) {
    take_back(durable_ != last_);
    return inserted.error();
  }
  last_ = sequence;
  return {};
}

Result<void> SqliteLog::sync() {
  CW_TRY(usable());
  if (durable_ == last_) return {};
  const auto committed = execute(
      "UPDATE ends SET first = (SELECT min(sequence) FROM log),"
      "  last = (SELECT max(sequence) FROM log);"
      "COMMIT");
  if (!committed) {
    failed_ = true;
    return committed.error();
  }
  durable_ = last_;
  return {};
}

Result<void> SqliteLog::replace_all(int64_t sequence, ByteSpan snapshot) {
  CW_TRY(execute("DELETE FROM log"));
  CW_TRY(insert(sequence, snapshot));
  return execute("RELEASE restart");
}

Result<void> SqliteLog::restart(int64_t sequence, ByteSpan snapshot) {
  CW_CHECK(sequence >= last_ && sequence > 0, "a snapshot of entry {} after entry {}", sequence,
           last_);
  CW_CHECK(std::ssize(snapshot) <= kLogEntryBytesMax, "an entry of {} bytes", snapshot.size());
  CW_TRY(usable());
  if (sqlite3_get_autocommit(db_.get())) CW_TRY(execute("BEGIN IMMEDIATE"));
  CW_TRY(execute("SAVEPOINT restart"));
  if (auto replaced = replace_all(sequence, snapshot); !replaced) {
    take_back(durable_ != last_);
    if (!sqlite3_get_autocommit(db_.get()) && !execute("ROLLBACK TO restart; RELEASE restart"))
      failed_ = true;
    return replaced.error();
  }
  last_ = sequence;
  durable_ = sequence - 1;
  CW_TRY(sync());
  // The old entries leave the write-ahead log; if that fails now, a later checkpoint does it.
  [[maybe_unused]] const auto emptied = execute("PRAGMA wal_checkpoint(TRUNCATE)");
  return {};
}

int64_t SqliteLog::bytes() const {
  const auto pages = number("PRAGMA page_count"), page = number("PRAGMA page_size");
  std::error_code none;
  const auto ahead = std::filesystem::file_size(path_ + "-wal", none);
  return (pages && page ? *pages * *page : 0) + (none ? 0 : static_cast<int64_t>(ahead));
}

}  // namespace

Result<std::unique_ptr<DurableLog>> open_sqlite_log(const std::string& path) {
  auto log = std::make_unique<SqliteLog>(path);
  CW_TRY(log->open());
  return std::unique_ptr<DurableLog>(std::move(log));
}

}  // namespace causeway

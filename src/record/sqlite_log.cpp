// SPDX-License-Identifier: Apache-2.0
//
// The log of a run as a database that people query. It is a record, not a decision: nothing is read
// back from it, so synchronous=NORMAL will do (after a power cut the newest rows may be gone, the
// file is whole) and a full disk ends the log, not the run.
#include <sqlite3.h>

#include <type_traits>

#include "core/log.h"
#include "record/record.h"

namespace causeway {
namespace {

constexpr int kVersion = 1;
constexpr int kTransactionRowsMax = 1000;  // of one transaction
constexpr int kWriterBusyMsMax = 2000;     // how long another writer may hold us up

// NaN is stored as NULL. Rounds have no key: an aborted round may be tried again by its number.
constexpr const char* kSchema = R"sql(
CREATE TABLE IF NOT EXISTS run(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sites(site TEXT PRIMARY KEY, train_tokens INTEGER, valid_tokens INTEGER,
  yardstick_bits_per_byte REAL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS workers(worker INTEGER PRIMARY KEY, site TEXT);
CREATE TABLE IF NOT EXISTS channels(channel INTEGER PRIMARY KEY, name TEXT, port TEXT, region TEXT,
  up TEXT, down TEXT, "values" INTEGER, period INTEGER, up_bytes INTEGER, down_bytes INTEGER);
CREATE TABLE IF NOT EXISTS steps(step INTEGER, worker INTEGER, loss REAL, gradient_norm REAL,
  rate REAL, tokens INTEGER, seconds REAL, trained INTEGER, PRIMARY KEY(step, worker)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rounds(round INTEGER, step INTEGER, channels TEXT, up_bytes INTEGER,
  down_bytes INTEGER, fold_seconds REAL, committed INTEGER);
CREATE TABLE IF NOT EXISTS members(round INTEGER, worker INTEGER, weight INTEGER,
  dropped_reason TEXT);
CREATE TABLE IF NOT EXISTS validations(step INTEGER, site TEXT, nats_per_token REAL,
  bits_per_byte REAL, tokens INTEGER, PRIMARY KEY(step, site)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notices(unix_ms INTEGER, level TEXT, text TEXT);
)sql";

struct CloseLog {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, CloseLog>;
using Statement = std::unique_ptr<sqlite3_stmt, CloseLog>;

std::string joined(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, ","));
}

const char* level_name(Notice level) {
  switch (level) {
    case Notice::kInfo:
      return "info";
    case Notice::kWarning:
      return "warning";
    case Notice::kError:
      return "error";
  }
  return "error";
}

// Text must outlive the step that follows.
void bind(sqlite3_stmt* s, int i, const std::string& text) {
  sqlite3_bind_text64(s, i, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
}
void bind(sqlite3_stmt* s, int i, double value) { sqlite3_bind_double(s, i, value); }
void bind(sqlite3_stmt* s, int i, std::nullptr_t) { sqlite3_bind_null(s, i); }
template <class T>
  requires std::is_integral_v<T>
void bind(sqlite3_stmt* s, int i, T value) {
  sqlite3_bind_int64(s, i, static_cast<int64_t>(value));
}

class SqliteLog final : public Listener {
 public:
  SqliteLog(std::string path, Database db, const Clock& clock)
      : path_(std::move(path)), clock_(clock), db_(std::move(db)) {}
  ~SqliteLog() override { commit(); }

  Result<void> prepare();

  void on_start(const RunInfo& info) override;
  void on_step(const StepReport& r) override {
    add(steps_, r.step, r.worker, r.loss, r.gradient_norm, r.rate, r.tokens, r.seconds, r.trained);
  }
  void on_round(const RoundReport& r) override {
    add(rounds_, r.round, r.step, joined(r.channels), r.up_bytes, r.down_bytes, r.fold_seconds,
        r.committed);
    for (const auto& [worker, weight] : r.members) add(members_, r.round, worker, weight, nullptr);
    for (const auto& [worker, reason] : r.dropped) add(members_, r.round, worker, nullptr, reason);
  }
  void on_valid(const ValidReport& r) override {
    add(validations_, r.step, r.site, r.nats_per_token, r.bits_per_byte, r.tokens);
  }
  void on_checkpoint(int64_t step, const std::string& path) override {
    set("checkpoint", path);
    set("checkpoint_step", step);
    commit();
  }
  void on_notice(Notice level, const std::string& text) override {
    add(notices_, clock_.unix_ms(), std::string(level_name(level)), text);
  }
  void on_tick() override { commit(); }
  void on_end(const RunSummary& summary) override;

 private:
  template <class... Values>
  void add(const Statement& statement, const Values&... values) {
    if (failed_) return;
    if (rows_ == 0) execute("BEGIN");
    if (failed_) return;
    int i = 0;
    (bind(statement.get(), ++i, values), ...);
    const int code = sqlite3_step(statement.get());
    sqlite3_reset(statement.get());
    sqlite3_clear_bindings(statement.get());
    if (code != SQLITE_DONE) return fail();
    if (++rows_ >= kTransactionRowsMax) commit();
  }
  template <class Value>
  void set(const std::string& key, const Value& value) {
    add(run_, key, value);
  }
  void execute(const char* sql) {
    if (!failed_ && sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail();
  }
  void commit() {
    if (rows_ > 0) execute("COMMIT");
    rows_ = 0;
  }
  void fail();
  void drop_past(int64_t step);

  std::string path_;
  const Clock& clock_;
  Database db_;  // before the statements: they are finalized first
  Statement run_, sites_, workers_, channels_, steps_, rounds_, members_, validations_, notices_,
      yardsticks_;
  int rows_ = 0;
  bool failed_ = false;
};

Result<void> SqliteLog::prepare() {
  const auto trouble = [&] {
    return failure(Fault::kIo, "{}: cannot use as a log: {}", path_, sqlite3_errmsg(db_.get()));
  };
  const std::pair<Statement*, const char*> statements[] = {
      {&run_, "INSERT OR REPLACE INTO run VALUES(?, ?)"},
      {&sites_, "INSERT OR REPLACE INTO sites VALUES(?, ?, ?, NULL)"},
      {&workers_, "INSERT OR REPLACE INTO workers VALUES(?, ?)"},
      {&channels_, "INSERT OR REPLACE INTO channels VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
      {&steps_, "INSERT OR REPLACE INTO steps VALUES(?, ?, ?, ?, ?, ?, ?, ?)"},
      {&rounds_, "INSERT INTO rounds VALUES(?, ?, ?, ?, ?, ?, ?)"},
      {&members_, "INSERT INTO members VALUES(?, ?, ?, ?)"},
      {&validations_, "INSERT OR REPLACE INTO validations VALUES(?, ?, ?, ?, ?)"},
      {&notices_, "INSERT INTO notices VALUES(?, ?, ?)"},
      {&yardsticks_, "UPDATE sites SET yardstick_bits_per_byte = ?2 WHERE site = ?1"},
  };
  for (const auto& [statement, sql] : statements) {
    sqlite3_stmt* prepared = nullptr;
    if (sqlite3_prepare_v2(db_.get(), sql, -1, &prepared, nullptr) != SQLITE_OK) return trouble();
    statement->reset(prepared);
  }
  return {};
}

void SqliteLog::on_start(const RunInfo& info) {
  drop_past(info.first_step);
  set("name", info.name);
  set("method", info.method);
  set("recipe", info.recipe_toml);
  set("started_unix_ms", clock_.unix_ms());
  set("parameters", info.parameters);
  set("steps", info.steps);
  set("first_step", info.first_step);
  set("tokens_per_step", info.tokens_per_step);
  set("ddp_bytes_per_step", info.ddp_bytes_per_step);
  set("predicted_bytes", info.predicted_bytes);
  set("predicted_memory_bytes", info.predicted_memory_bytes);
  for (const SiteInfo& site : info.sites)
    add(sites_, site.name, site.train_tokens, site.valid_tokens);
  for (size_t worker = 0; worker < info.worker_sites.size(); ++worker) {
    const auto site = static_cast<size_t>(info.worker_sites[worker]);
    CW_CHECK(site < info.sites.size(), "worker {} is at site {}", worker, site);
    add(workers_, worker, info.sites[site].name);
  }
  int64_t channel = 0;
  for (const ChannelInfo& c : info.channels)
    add(channels_, channel++, c.name, c.port, c.region, c.up, c.down, c.values, c.period,
        c.up_bytes, c.down_bytes);
  commit();
}

// A resumed run repeats the steps after its checkpoint; a run from the start replaces everything.
// What it says of itself may have changed with its recipe, so that is always written anew.
void SqliteLog::drop_past(int64_t step) {
  execute("BEGIN");
  execute("DELETE FROM run; DELETE FROM sites; DELETE FROM workers; DELETE FROM channels;");
  if (step == 0) {
    execute(
        "DELETE FROM steps; DELETE FROM rounds; DELETE FROM members;"
        "DELETE FROM validations; DELETE FROM notices;");
  } else {
    execute(fmt::format("DELETE FROM members WHERE round IN"
                        "  (SELECT round FROM rounds WHERE step > {0});"
                        "DELETE FROM rounds WHERE step > {0};"
                        "DELETE FROM steps WHERE step > {0};"
                        "DELETE FROM validations WHERE step > {0};",
                        step)
                .c_str());
  }
  execute("COMMIT");
}

void SqliteLog::on_end(const RunSummary& summary) {
  set("finished", summary.finished);
  set("ended_unix_ms", clock_.unix_ms());
  set("ended_step", summary.steps);
  set("seconds", summary.seconds);
  set("weights", "xxh3:" + summary.weights_digest);
  set("up_bytes", summary.up_bytes);
  set("down_bytes", summary.down_bytes);
  set("ddp_bytes", summary.ddp_bytes);
  set("peak_memory_bytes", summary.peak_memory_bytes);
  set("sample", summary.sample);
  set("checkpoint", summary.checkpoint);
  for (const auto& [site, bits] : summary.yardstick) add(yardsticks_, site, bits);
  commit();
}

void SqliteLog::fail() {
  failed_ = true;
  log(LogLevel::kError, fmt::format("{}: cannot write: {}; the run goes on without its log", path_,
                                    sqlite3_errmsg(db_.get())));
  // What the open transaction holds is lost; earlier ones stay.
  if (!sqlite3_get_autocommit(db_.get()))
    sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

Result<int> version_of(sqlite3* db, const std::string& path) {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &raw, nullptr);
  const Statement statement(raw);
  if (code != SQLITE_OK || sqlite3_step(raw) != SQLITE_ROW)
    return failure(Fault::kIo, "{}: cannot read as a log: {}", path, sqlite3_errmsg(db));
  return sqlite3_column_int(raw, 0);
}

}  // namespace

Result<std::unique_ptr<Listener>> sqlite_log(const std::string& path, const Clock& clock) {
  sqlite3* raw = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  Database db(raw);
  if (code != SQLITE_OK)
    return failure(Fault::kIo, "{}: cannot open: {}", path, sqlite3_errstr(code));
  sqlite3_busy_timeout(raw, kWriterBusyMsMax);
  CW_ASSIGN(const int version, version_of(raw, path));
  if (version != 0 && version != kVersion)
    return failure(Fault::kBadInput,
                   "{}: is a log of version {}, this program writes {}; move it away", path,
                   version, kVersion);
  const std::string setup = fmt::format(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; BEGIN; {} PRAGMA user_version={}; "
      "COMMIT;",
      kSchema, kVersion);
  if (sqlite3_exec(raw, setup.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    return failure(Fault::kIo, "{}: cannot write: {}", path, sqlite3_errmsg(raw));
  auto listener = std::make_unique<SqliteLog>(path, std::move(db), clock);
  CW_TRY(listener->prepare());
  return std::unique_ptr<Listener>(std::move(listener));
}

}  // namespace causeway

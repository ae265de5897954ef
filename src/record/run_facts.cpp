// SPDX-License-Identifier: Apache-2.0
#include "record/run_facts.h"

#include <sqlite3.h>

#include <functional>
#include <memory>

namespace causeway {
namespace {

constexpr int kReaderBusyMsMax = 2000;
constexpr int kTextBytesMax = 16 << 20;
constexpr size_t kFactRowsMax = 100'000;

struct CloseFacts {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

/// A row of a result.
class Row {
 public:
  explicit Row(sqlite3_stmt* statement) : statement_(statement) {}
  int64_t integer(int i) const { return sqlite3_column_int64(statement_, i); }
  std::optional<double> real(int i) const {
    if (sqlite3_column_type(statement_, i) == SQLITE_NULL) return {};
    return sqlite3_column_double(statement_, i);
  }
  std::string text(int i) const {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, i));
    return text == nullptr
               ? std::string()
               : std::string(text, static_cast<size_t>(sqlite3_column_bytes(statement_, i)));
  }

 private:
  sqlite3_stmt* statement_;
};

class Log {
 public:
  Log(std::string path, sqlite3* db) : path_(std::move(path)), db_(db) {}

  /// Runs a query whose one parameter, if it has one, is `step`.
  Result<void> each(const char* sql, int64_t step, const std::function<void(const Row&)>& take) {
    sqlite3_stmt* raw = nullptr;
    const int prepared = sqlite3_prepare_v2(db_.get(), sql, -1, &raw, nullptr);
    const std::unique_ptr<sqlite3_stmt, CloseFacts> statement(raw);
    if (prepared != SQLITE_OK) return trouble();
    if (sqlite3_bind_parameter_count(raw) == 1) sqlite3_bind_int64(raw, 1, step);
    for (size_t rows = 0; rows < kFactRowsMax; ++rows) {
      const int code = sqlite3_step(raw);
      if (code == SQLITE_DONE) return {};
      if (code != SQLITE_ROW) return trouble();
      take(Row(raw));
    }
    return failure(Fault::kCorrupt, "{}: more than {} rows where a log has few", path_,
                   kFactRowsMax);
  }

 private:
  Error trouble() const {
    return failure(Fault::kCorrupt, "{}: cannot be read as a log: {}", path_,
                   sqlite3_errmsg(db_.get()));
  }

  std::string path_;
  std::unique_ptr<sqlite3, CloseFacts> db_;
};

Result<void> read_run(Log& log, RunFacts& facts) {
  return log.each("SELECT key, value FROM run", 0, [&](const Row& row) {
    const std::string key = row.text(0);
    if (key == "name") facts.name = row.text(1);
    if (key == "method") facts.method = row.text(1);
    if (key == "recipe") facts.recipe_toml = row.text(1);
    if (key == "steps") facts.steps = row.integer(1);
    if (key == "parameters") facts.parameters = row.integer(1);
    if (key == "ddp_bytes_per_step") facts.ddp_bytes_per_step = row.integer(1);
  });
}

Result<void> read_sites(Log& log, RunFacts& facts) {
  CW_TRY(
      log.each("SELECT site, train_tokens, valid_tokens, (SELECT count(*) FROM workers w WHERE "
               "w.site = s.site) FROM sites s ORDER BY site",
               0, [&](const Row& row) {
                 facts.sites.push_back(
                     {{row.text(0), row.integer(1), row.integer(2)}, row.integer(3), {}, {}, 0});
               }));
  return log.each("SELECT site, step, bits_per_byte FROM validations WHERE step <= ? ORDER BY step",
                  facts.step, [&](const Row& row) {
                    for (SiteFacts& site : facts.sites) {
                      if (site.info.name != row.text(0) || !row.real(2)) continue;
                      if (!site.first_bits_per_byte) site.first_bits_per_byte = row.real(2);
                      site.last_bits_per_byte = row.real(2);
                      site.last_step = row.integer(1);
                    }
                  });
}

Result<void> read_traffic(Log& log, RunFacts& facts) {
  CW_TRY(
      log.each("SELECT sum(up_bytes), sum(down_bytes), sum(committed) FROM rounds WHERE step "
               "<= ?",
               facts.step, [&](const Row& row) {
                 facts.up_bytes = row.integer(0);
                 facts.down_bytes = row.integer(1);
                 facts.rounds = row.integer(2);
               }));
  CW_TRY(
      log.each("SELECT sum(most) FROM (SELECT max(tokens) AS most FROM steps WHERE step <= ? "
               "GROUP BY worker)",
               facts.step, [&](const Row& row) { facts.trained_tokens = row.integer(0); }));
  return log.each(
      "SELECT name, port, region, up, down, \"values\", period, up_bytes, down_bytes FROM channels "
      "ORDER BY channel",
      0, [&](const Row& row) {
        facts.channels.push_back({row.text(0), row.text(1), row.text(2), row.text(3), row.text(4),
                                  row.integer(5), row.integer(6), row.integer(7), row.integer(8)});
      });
}

}  // namespace

Result<RunFacts> read_run_facts(const std::string& log_path, int64_t step) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(log_path.c_str(), &raw, SQLITE_OPEN_READONLY, nullptr);
  Log log(log_path, raw);
  if (code != SQLITE_OK)
    return failure(Fault::kIo, "{}: cannot be opened: {}", log_path, sqlite3_errstr(code));
  sqlite3_busy_timeout(raw, kReaderBusyMsMax);
  sqlite3_limit(raw, SQLITE_LIMIT_LENGTH, kTextBytesMax);
  RunFacts facts;
  facts.step = step;
  CW_TRY(read_run(log, facts));
  CW_TRY(read_sites(log, facts));
  CW_TRY(read_traffic(log, facts));
  return facts;
}

}  // namespace causeway

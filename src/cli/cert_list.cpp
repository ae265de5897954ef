// SPDX-License-Identifier: Apache-2.0
#include "cli/cert_list.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "net/certificates.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kDayS = 86'400;

/// One file of the folder: a certificate, a request, or why it is neither.
struct Row {
  std::string path, kind, name, state, trouble;
  std::optional<CertificateInfo> info;
};

/// Rounded up: on its last day a certificate has one day left.
int64_t days_left(const CertificateInfo& info, int64_t now_unix_s) {
  return (info.not_after_unix_s - now_unix_s + kDayS - 1) / kDayS;
}

std::string path_in(const std::string& folder, const std::string& name) {
  return (fs::path(folder) / name).string();
}

bool has_file(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

/// Whether the folder's authority signed it; empty if so, or if the folder has no authority.
std::string not_signed(const std::string& path, const CertificateInfo& info,
                       const std::string& folder) {
  const std::string authority = path_in(folder, "authority.crt");
  if (!has_file(authority)) return {};
  const auto checked = check_certificate_file(authority, path, info.kind, kAtAnyTime);
  return checked ? "" : checked.error().message;
}

std::string state_of(const CertificateInfo& info, const AccessList& access, int64_t now_unix_s) {
  if (access.revoked.contains(info.fingerprint)) return "revoked";
  if (info.not_after_unix_s <= now_unix_s) return "expired";
  if (info.not_before_unix_s > now_unix_s) return "not yet valid";
  if (info.kind != CertificateKind::kSite) return "valid";
  return access.why_refused(info.fingerprint).empty() ? "admitted" : "not admitted";
}

Row row_of(const std::string& path, const std::string& folder, const AccessList& access,
           int64_t now_unix_s) {
  Row row{path, "unreadable", fs::path(path).stem().string(), "unreadable", {}, {}};
  if (path.ends_with(".csr")) {
    const auto request = read_request_file(path);
    if (!request) {
      row.trouble = request.error().message;
    } else {
      row.kind = "request";
      row.name = request->name;
      row.state = "not signed";
    }
    return row;
  }
  auto info = read_certificate_file(path);
  if (!info) {
    row.trouble = info.error().message;
    return row;
  }
  row.kind = certificate_kind_name(info->kind);
  row.name = info->name;
  row.state = state_of(*info, access, now_unix_s);
  row.trouble = not_signed(path, *info, folder);
  if (!row.trouble.empty()) row.state = "foreign";
  row.info = *std::move(info);
  return row;
}

Result<std::vector<Row>> rows_of(const std::string& folder, int64_t now_unix_s) {
  CW_ASSIGN(const AccessList access, read_access_list(folder));
  std::error_code error;
  std::vector<std::string> paths;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const fs::path& path = entry->path();
    const bool waits =
        path.extension() == ".csr" && !has_file(fs::path(path).replace_extension(".crt"));
    if (path.extension() == ".crt" || waits) paths.push_back(path.string());
  }
  if (error)
    return failure(Fault::kIo, "{}: cannot be listed: {}; --folder names another one", folder,
                   error.message());
  std::ranges::sort(paths);
  std::vector<Row> rows;
  for (const std::string& path : paths) rows.push_back(row_of(path, folder, access, now_unix_s));
  // The authority, then hubs, then sites, then the rest.
  std::ranges::stable_sort(rows, {}, [](const Row& row) {
    return row.info ? static_cast<int>(row.info->kind)
                    : static_cast<int>(CertificateKind::kSite) + 1;
  });
  return rows;
}

nlohmann::json json_of(const Row& row, int64_t now_unix_s) {
  nlohmann::json out = {
      {"file", row.path}, {"kind", row.kind}, {"name", row.name}, {"state", row.state}};
  if (!row.trouble.empty()) out["trouble"] = row.trouble;
  if (!row.info) return out;
  out["hosts"] = row.info->hosts;
  out["serial"] = row.info->serial;
  out["fingerprint"] = row.info->fingerprint;
  out["not_before_unix_s"] = row.info->not_before_unix_s;
  out["not_after_unix_s"] = row.info->not_after_unix_s;
  out["days_left"] = days_left(*row.info, now_unix_s);
  return out;
}

void print_table(const std::vector<Row>& rows) {
  size_t width = 4;
  for (const Row& row : rows) width = std::max(width, row.name.size());
  fmt::print("{:<10}  {:<{}}  {:<20}  {:<13}  {}\n", "kind", "name", width, "valid until", "state",
             "fingerprint");
  for (const Row& row : rows)
    fmt::print("{:<10}  {:<{}}  {:<20}  {:<13}  {}\n", row.kind, row.name, width,
               row.info ? utc_text(row.info->not_after_unix_s) : "", row.state,
               row.info ? row.info->fingerprint : "");
}

void warn(const std::vector<Row>& rows, int64_t now_unix_s) {
  for (const Row& row : rows) {
    if (!row.trouble.empty()) fmt::print(stderr, "causeway: {}\n", row.trouble);
    if (!row.info || row.state == "revoked") continue;
    const int64_t days = days_left(*row.info, now_unix_s);
    if (row.state == "expired")
      fmt::print(stderr, "causeway: {}: is over since {}\n", row.path,
                 utc_text(row.info->not_after_unix_s));
    else if (days <= kWarnDays)
      fmt::print(stderr, "causeway: {}: is over in {} {}; make a new one in time\n", row.path, days,
                 days == 1 ? "day" : "days");
  }
}

void print_line(std::string_view what, std::string_view value) {
  fmt::print("{:<12}  {}\n", what, value);
}

Result<void> show_request(const std::string& path) {
  CW_ASSIGN(const RequestInfo request, read_request_file(path));
  print_line("kind", "request");
  print_line("name", request.name);
  print_line("key", request.key_fingerprint);
  print_line("state", fmt::format("not signed; `causeway cert sign {}` signs it", path));
  return {};
}

std::string authority_text(const std::string& path, const CertificateInfo& info,
                           const std::string& folder) {
  const std::string authority = path_in(folder, "authority.crt");
  if (!has_file(authority)) return fmt::format("{} is not here", authority);
  const std::string trouble = not_signed(path, info, folder);
  return trouble.empty() ? fmt::format("{} has signed it", authority) : trouble;
}

std::string key_text(const std::string& path, const CertificateInfo& info, int64_t now_unix_s) {
  const std::string key = fs::path(path).replace_extension(".key").string();
  if (!has_file(key)) return fmt::format("{} is not here", key);
  if (info.kind == CertificateKind::kAuthority) return fmt::format("{} is here", key);
  const auto identity = load_identity(path, info.kind, now_unix_s);
  return identity ? fmt::format("{} belongs to it; the two can be used", key)
                  : identity.error().message;
}

}  // namespace

std::string utc_text(int64_t unix_s) {
  // The calendar of the C library ends before a hostile certificate's years do not: 1 to 9999.
  return fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(static_cast<std::time_t>(unix_s)));
}

Result<void> list_certificates(const std::string& folder, bool json, int64_t now_unix_s) {
  CW_ASSIGN(const std::vector<Row> rows, rows_of(folder, now_unix_s));
  if (json) {
    using Handler = nlohmann::json::error_handler_t;  // A file's name may be no UTF-8.
    for (const Row& row : rows)
      fmt::print("{}\n", json_of(row, now_unix_s).dump(-1, ' ', false, Handler::replace));
  } else if (rows.empty()) {
    fmt::print("{}: no certificates; `causeway cert authority` begins\n", folder);
  } else {
    print_table(rows);
  }
  std::fflush(stdout);
  warn(rows, now_unix_s);
  return {};
}

Result<void> show_certificate(const std::string& path, const std::string& folder,
                              int64_t now_unix_s) {
  if (path.ends_with(".csr")) return show_request(path);
  CW_ASSIGN(const CertificateInfo info, read_certificate_file(path));
  const std::string around = folder.empty() ? fs::path(path).parent_path().string() : folder;
  CW_ASSIGN(const AccessList access, read_access_list(around));
  print_line("kind", certificate_kind_name(info.kind));
  print_line("name", info.name);
  if (!info.hosts.empty()) print_line("hosts", fmt::format("{}", fmt::join(info.hosts, ", ")));
  print_line("valid from", utc_text(info.not_before_unix_s));
  print_line("valid until", fmt::format("{}, {} days left", utc_text(info.not_after_unix_s),
                                        std::max<int64_t>(0, days_left(info, now_unix_s))));
  print_line("serial", info.serial);
  print_line("fingerprint", info.fingerprint);
  print_line("state", state_of(info, access, now_unix_s));
  print_line("authority", authority_text(path, info, around));
  print_line("key", key_text(path, info, now_unix_s));
  return {};
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "service/store_access.h"

#include <algorithm>
#include <filesystem>

#include "core/toml.h"

namespace causeway {
namespace {

/// As the file has it: tables of two owners.
struct StoreFile {
  S3Options s3;
  Value chunks = Value::Table{};

  template <class Visit>
  void each(Visit&& visit) {
    s3.each(visit);
    visit("chunks", chunks, Any{}, "", "Chunks by reference.");
  }
};

std::string beside(const std::string& path, const std::string& file) {
  return file.empty() ? file : (std::filesystem::path(path).parent_path() / file).string();
}

/// With little patience: whoever starts should soon know.
S3Options for_trial(const S3Options& options) {
  constexpr int64_t kTimeoutMs = 10'000;
  S3Options out = options;
  out.timeout_ms = std::min(options.timeout_ms, kTimeoutMs);
  out.retries = std::min<int64_t>(options.retries, 1);
  return out;
}

Result<void> use(ObjectStore& store, const std::string& who, bool removes) {
  const std::string key = "chunks/trial/" + who;
  const auto bytes = std::as_bytes(std::span(who));
  CW_TRY(store.put(key, bytes));
  CW_ASSIGN(const Bytes got, store.get(key, std::ssize(bytes)));
  if (!std::ranges::equal(got, bytes))
    return failure(Fault::kCorrupt, "{}: got other bytes than those that were put", key);
  auto removed = store.remove(key);
  return removes || removed || removed.error().fault != Fault::kRefused ? removed : Result<void>();
}

}  // namespace

StoreOptions read_store_file(const std::string& path, Mistakes& mistakes) {
  StoreFile file;
  StoreOptions out;
  const Value root = parse_toml_file(path, mistakes);
  if (!mistakes.empty()) return out;
  read_options(root, file, mistakes);
  read_options(file.chunks, out.chunks, mistakes);
  out.s3 = std::move(file.s3);
  out.s3.access_key_file = beside(path, out.s3.access_key_file);
  out.s3.authority_file = beside(path, out.s3.authority_file);
  return out;
}

Result<StoreAccess> open_store(const StoreOptions& options, const std::string& who, bool removes) {
  const std::string name = options.s3.bucket + "/" + options.s3.prefix;
  const auto told = [&](const Error& error) {
    return Error{error.fault, fmt::format("the object store {}: {}", name, error.message)};
  };
  const uint64_t seed = digest_of(who).low;
  auto store = open_s3(options.s3, seed);
  if (!store) return told(store.error());
  auto trial = open_s3(for_trial(options.s3), seed);
  if (!trial) return told(trial.error());
  StoreAccess out{*std::move(store), options.chunks, name, {}};
  if (const auto used = use(**trial, who, removes); !used) {
    if (used.error().fault != Fault::kIo) return told(used.error());
    out.away = told(used.error());
  }
  return out;
}

}  // namespace causeway

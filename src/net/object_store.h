// SPDX-License-Identifier: Apache-2.0
//
// Bytes by key in a bucket that hub and sites both reach: the second way to move blobs, for sites
// that cannot keep long connections.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/error.h"
#include "core/options.h"

namespace causeway {

inline constexpr int64_t kObjectBytesMax = int64_t{64} << 20;

/// Objects never change once they are put: a key is put twice with the same bytes only. Calls block
/// and end within their deadline; safe from many threads, which share connections.
/// Fault::kIo: not reachable, or an answer that may be another one later (5xx, time-out), after the
/// retries; Fault::kRefused: no right (401, 403); Fault::kBadInput: no such bucket or key (404), or
/// a key that is none: 1 to 512 of [A-Za-z0-9._/-].
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  virtual Result<void> put(const std::string& key, ByteSpan bytes) = 0;
  /// All of the object; more than `bytes_max` is Fault::kCorrupt, before it is held.
  virtual Result<Bytes> get(const std::string& key, int64_t bytes_max) = 0;
  /// There may be no such object.
  virtual Result<void> remove(const std::string& key) = 0;
  /// Keys with this prefix, ascending, at most `count_max`.
  virtual Result<std::vector<std::string>> list(const std::string& prefix, int64_t count_max) = 0;
  /// An address that puts or gets this one object without a key of ours, for so long.
  virtual Result<std::string> presign(const std::string& method, const std::string& key,
                                      int64_t seconds, int64_t now_unix_s) const = 0;
};

struct S3Options {
  std::string endpoint = "https://s3.amazonaws.com";
  std::string region = "us-east-1";
  std::string bucket;
  std::string prefix;
  std::string access_key_file;
  std::string authority_file;
  int64_t timeout_ms = 30'000;
  int64_t retries = 4;
  int64_t connections = 8;

  template <class Visit>
  void each(Visit&& visit) {
    visit("endpoint", endpoint, Required{}, "", "https://HOST[:PORT] of the S3-compatible store.");
    visit("region", region, Required{}, "", "Region that requests are signed for.");
    visit("bucket", bucket, Required{}, "", "Bucket, which exists.");
    visit("prefix", prefix, Any{}, "", "What all keys begin with.");
    visit("access_key_file", access_key_file, Any{}, "",
          "File with two lines, access key and secret key; empty: AWS_ACCESS_KEY_ID and "
          "AWS_SECRET_ACCESS_KEY of the environment.");
    visit("authority_file", authority_file, Any{}, "",
          "PEM of who signed the store's certificate; empty: the system's.");
    visit("timeout_ms", timeout_ms, Range<int64_t>{100, 3'600'000}, "ms",
          "Most time of one request.");
    visit("retries", retries, Range<int64_t>{0, 20}, "", "After what may pass.");
    visit("connections", connections, Range<int64_t>{1, 64}, "", "Kept open at once.");
  }
};

/// Reads keys, makes no request. Fault::kBadInput with what is missing.
Result<std::unique_ptr<ObjectStore>> open_s3(const S3Options& options);

/// Objects in this process's memory, for tests.
std::unique_ptr<ObjectStore> memory_object_store();

}  // namespace causeway

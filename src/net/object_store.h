// SPDX-License-Identifier: Apache-2.0
//
// Bytes by key in a bucket that hub and sites both reach: the second way to move blobs, for sites
// that cannot keep long connections.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/error.h"
#include "core/options.h"

namespace causeway {

inline constexpr int64_t kObjectBytesMax = int64_t{64} << 20;

/// Objects never change once they are put: a key is put twice with the same bytes only. Calls block
/// and end within their deadline; safe from many threads, which share connections.
/// Fault::kIo: not reachable, or an answer that may be another one later (5xx, time-out), after the
/// retries; Fault::kRefused: no right (401, 403), or a certificate that is not trusted;
/// Fault::kBadInput: no such bucket or key (404), a request that the store does not take (other
/// 4xx), or a key that is none (check_object_key); Fault::kCorrupt: an answer that is none.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  /// At most kObjectBytesMax bytes. If they change on the way, the store refuses them.
  virtual Result<void> put(const std::string& key, ByteSpan bytes) = 0;
  /// All of the object; more than `bytes_max` (at most kObjectBytesMax) is Fault::kCorrupt, before
  /// it is held. So is an object that is not as it was put.
  virtual Result<Bytes> get(const std::string& key, int64_t bytes_max) = 0;
  /// There may be no such object.
  virtual Result<void> remove(const std::string& key) = 0;
  /// Keys with this prefix, ascending, at most `count_max`. The prefix is the beginning of a key,
  /// or empty. What others have put under a name that is no key of ours is left out.
  virtual Result<std::vector<std::string>> list(const std::string& prefix, int64_t count_max) = 0;
  /// An address that puts or gets ("PUT", "GET") this one object without a key of ours, for so
  /// long: 1 s to 7 days.
  virtual Result<std::string> presign(const std::string& method, const std::string& key,
                                      int64_t seconds, int64_t now_unix_s) const = 0;
  /// Ends all calls that wait, within about a second, and all later ones: Fault::kIo.
  virtual void cancel() = 0;
};

/// Fault::kBadInput unless `key` is 1 to 512 of [A-Za-z0-9._/-], and no part between slashes is
/// empty, `.` or `..`, which proxies and servers shorten.
Result<void> check_object_key(std::string_view key);
/// The same for what keys begin with: also empty, or ending anywhere in a key.
Result<void> check_object_prefix(std::string_view prefix);

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
    visit("endpoint", endpoint, Any{}, "",
          "https://HOST[:PORT] of the S3-compatible store; http only to this machine.");
    visit("region", region, Any{}, "", "Region that requests are signed for.");
    visit("bucket", bucket, Required{}, "", "Bucket, which exists.");
    visit("prefix", prefix, Any{}, "", "Folder of all keys; a slash is added.");
    visit("access_key_file", access_key_file, Any{}, "",
          "File with two lines, access key and secret key (a third: session token); empty: "
          "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN of the environment.");
    visit("authority_file", authority_file, Any{}, "",
          "PEM of who signed the store's certificate; empty: the system's.");
    visit("timeout_ms", timeout_ms, Range<int64_t>{100, 3'600'000}, "ms",
          "Most time of one request, of all its bytes.");
    visit("retries", retries, Range<int64_t>{0, 20}, "", "After what may pass.");
    visit("connections", connections, Range<int64_t>{1, 64}, "", "Kept open at once.");
  }
};

/// Reads keys, makes no request. Fault::kBadInput with what is missing or wrong: plain http is for
/// this machine (localhost, 127.x, [::1]) only. One call of the store makes up to 1 + `retries`
/// requests of up to `timeout_ms`, with pauses of up to 10 s between them, drawn from `seed`.
Result<std::unique_ptr<ObjectStore>> open_s3(const S3Options& options, uint64_t seed = 0);

/// Objects in this process's memory, for tests.
std::unique_ptr<ObjectStore> memory_object_store();

}  // namespace causeway

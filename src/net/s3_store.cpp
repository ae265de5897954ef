// SPDX-License-Identifier: Apache-2.0
#include "net/s3_store.h"

#include <algorithm>
#include <filesystem>

#include "core/hash.h"
#include "net/s3_call.h"
#include "net/s3_xml.h"

namespace causeway {
namespace {

constexpr int64_t kListBytesMax = 4 << 20;
constexpr int64_t kPresignSecondsMax = 7 * 24 * 3600;
constexpr const char* kSafeCharacters = "abcdefghijklmnopqrstuvwxyz0123456789-";
// Pages of a listing without a key of ours.
constexpr int64_t kEmptyPagesMax = 1000;

std::string crc_text(ByteSpan bytes) { return fmt::format("{:08x}", crc32c(bytes)); }

std::string folder_of(const std::string& prefix) {
  return prefix.empty() || prefix.ends_with('/') ? prefix : prefix + "/";
}

class S3Store final : public ObjectStore {
 public:
  S3Store(const S3Options& options, StoreEndpoint endpoint, S3Parts parts)
      : options_(options),
        endpoint_(std::move(endpoint)),
        folder_(folder_of(options.prefix)),
        parts_(std::move(parts)),
        policy_{options.retries, Backoff(parts_.seed)} {}

  Result<void> put(const std::string& key, ByteSpan bytes) override {
    CW_CHECK(std::ssize(bytes) <= kObjectBytesMax, "an object of {} bytes", bytes.size());
    CW_TRY(check_object_key(key));
    UnsignedRequest request{.method = "PUT", .path = path_of(key)};
    request.headers["x-amz-meta-crc32c"] = crc_text(bytes);
    request.payload_sha256 = sha256_hex(bytes);
    CW_TRY(call({"PUT " + key}, request, bytes, kComplaintBytesMax));
    return {};
  }

  Result<Bytes> get(const std::string& key, int64_t bytes_max) override {
    CW_CHECK(bytes_max >= 0 && bytes_max <= kObjectBytesMax, "at most {} bytes", bytes_max);
    CW_TRY(check_object_key(key));
    CW_ASSIGN(WireAnswer answer,
              call({"GET " + key}, {.method = "GET", .path = path_of(key)}, {}, bytes_max));
    // Objects that were put by an address without keys have no such header.
    if (!answer.crc32c.empty() && answer.crc32c != crc_text(answer.body))
      return failure(Fault::kCorrupt, "GET {}: got bytes with CRC-32C {}; they were put with {}",
                     key, crc_text(answer.body), answer.crc32c);
    return std::move(answer.body);
  }

  Result<void> remove(const std::string& key) override {
    CW_TRY(check_object_key(key));
    CW_TRY(call({.what = "DELETE " + key, .may_be_absent = true},
                {.method = "DELETE", .path = path_of(key)}, {}, kComplaintBytesMax));
    return {};
  }

  Result<std::vector<std::string>> list(const std::string& prefix, int64_t count_max) override;

  Result<std::string> presign(const std::string& method, const std::string& key, int64_t seconds,
                              int64_t now_unix_s) const override {
    CW_CHECK(method == "GET" || method == "PUT", "presigned for {}", method);
    CW_CHECK(seconds >= 1 && seconds <= kPresignSecondsMax, "presigned for {} s", seconds);
    CW_TRY(check_object_key(key));
    const UnsignedRequest request{
        .method = method, .path = path_of(key), .headers = {{"host", endpoint_.host}}};
    return endpoint_.origin + escape_path(request.path) + "?" +
           presigned_query(request, parts_.keys, scope(now_unix_s), seconds);
  }

  void cancel() override { parts_.wire->cancel(); }

 private:
  std::string path_of(const std::string& key) const {
    return "/" + options_.bucket + "/" + folder_ + key;
  }
  SignScope scope(int64_t unix_s) const { return {.region = options_.region, .unix_s = unix_s}; }
  WireRequest sign(UnsignedRequest request) const;
  Result<WireAnswer> call(Call call, const UnsignedRequest& request, ByteSpan body,
                          int64_t bytes_max);
  Result<ListPage> list_page(const std::string& prefix, const std::string& after, int64_t count);

  const S3Options options_;
  const StoreEndpoint endpoint_;
  const std::string folder_;  // empty, or with a slash at its end
  const S3Parts parts_;
  CallPolicy policy_;
};

WireRequest S3Store::sign(UnsignedRequest request) const {
  const SignScope now = scope(parts_.clock->unix_ms() / 1000);
  request.headers["host"] = endpoint_.host;
  request.headers["x-amz-content-sha256"] = request.payload_sha256;
  request.headers["x-amz-date"] = amz_date(now.unix_s);
  if (!parts_.keys.session_token.empty())
    request.headers["x-amz-security-token"] = parts_.keys.session_token;
  WireRequest out{.method = request.method,
                  .url = endpoint_.origin + escape_path(request.path) +
                         (request.query.empty() ? "" : "?" + query_text(request.query))};
  for (const auto& [name, value] : request.headers)
    out.headers.push_back(fmt::format("{}: {}", name, value));
  out.headers.push_back("Authorization: " + authorization(request, parts_.keys, now));
  return out;
}

Result<WireAnswer> S3Store::call(Call call, const UnsignedRequest& request, ByteSpan body,
                                 int64_t bytes_max) {
  UnsignedRequest hashed = request;
  if (hashed.payload_sha256.empty()) hashed.payload_sha256 = sha256_hex({});
  call.request = [&] {
    WireRequest signed_request = sign(hashed);
    signed_request.body = body;
    signed_request.bytes_max = bytes_max;
    return signed_request;
  };
  return call_store(*parts_.wire, policy_, call);
}

Result<ListPage> S3Store::list_page(const std::string& prefix, const std::string& after,
                                    int64_t count) {
  UnsignedRequest request{.method = "GET", .path = "/" + options_.bucket};
  request.query = {{"list-type", "2"}, {"max-keys", std::to_string(count)}};
  if (const auto whole = folder_ + prefix; !whole.empty()) request.query["prefix"] = whole;
  if (!after.empty()) request.query["continuation-token"] = after;
  CW_ASSIGN(const WireAnswer answer, call({"LIST " + prefix}, request, {}, kListBytesMax));
  return read_list_page({reinterpret_cast<const char*>(answer.body.data()), answer.body.size()});
}

Result<std::vector<std::string>> S3Store::list(const std::string& prefix, int64_t count_max) {
  CW_TRY(check_object_prefix(prefix));
  const std::string whole = folder_ + prefix;
  std::vector<std::string> keys;
  std::string after, last;
  for (int64_t empty_pages = 0; std::ssize(keys) < count_max;) {
    const int64_t wanted = std::min(count_max - std::ssize(keys), kListPageKeysMax);
    CW_ASSIGN(ListPage page, list_page(prefix, after, wanted));
    const size_t before = keys.size();
    for (std::string& key : page.keys) {
      // A store that says a page twice would be listed for ever.
      if (!key.starts_with(whole) || (!last.empty() && key <= last))
        return failure(Fault::kCorrupt, "LIST {}: keys are out of order or of another prefix",
                       prefix);
      last = std::move(key);
      const std::string ours = last.substr(folder_.size());
      if (std::ssize(keys) < count_max && check_object_key(ours)) keys.push_back(ours);
    }
    if (!page.truncated) break;
    if (keys.size() == before && ++empty_pages > kEmptyPagesMax)
      return failure(Fault::kCorrupt, "LIST {}: {} pages without a key of ours", prefix,
                     empty_pages);
    after = std::move(page.continuation);
  }
  return keys;
}

bool is_name(const std::string& text, size_t bytes_max, const std::string& wanted) {
  return !text.empty() && text.size() <= bytes_max && text.find_first_not_of(wanted) == text.npos;
}

Result<void> check_options(const S3Options& options) {
  if (!is_name(options.bucket, 63, std::string(kSafeCharacters) + ".") ||
      options.bucket.front() == '.')
    return failure(Fault::kBadInput, "bucket: got \"{}\"; wanted: 1 to 63 of [a-z0-9.-]",
                   options.bucket);
  if (!is_name(options.region, 64, kSafeCharacters))
    return failure(Fault::kBadInput, "region: got \"{}\"; wanted: 1 to 64 of [a-z0-9-]",
                   options.region);
  if (auto checked = check_object_prefix(options.prefix); !checked)
    return failure(Fault::kBadInput, "prefix: {}", checked.error().message);
  if (!options.authority_file.empty() && !std::filesystem::is_regular_file(options.authority_file))
    return failure(Fault::kBadInput, "authority_file: there is no file {}", options.authority_file);
  return {};
}

}  // namespace

Result<std::unique_ptr<ObjectStore>> s3_over(const S3Options& options, S3Parts parts) {
  CW_TRY(check_options(options));
  CW_ASSIGN(StoreEndpoint endpoint, read_endpoint(options.endpoint));
  return std::unique_ptr<ObjectStore>(
      std::make_unique<S3Store>(options, std::move(endpoint), std::move(parts)));
}

Result<std::unique_ptr<ObjectStore>> open_s3(const S3Options& options, uint64_t seed) {
  CW_ASSIGN(S3Keys keys, read_s3_keys(options));
  return s3_over(options, {.keys = std::move(keys),
                           .wire = curl_wire({.timeout_ms = options.timeout_ms,
                                              .connections = options.connections,
                                              .authority_file = options.authority_file}),
                           .clock = std::make_unique<SystemClock>(),
                           .seed = seed});
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "net/s3_presigned.h"

#include "core/hash.h"
#include "net/object_store.h"
#include "net/s3_call.h"

namespace causeway {
namespace {

constexpr size_t kAddressBytesMax = 8192;

class WirePresignedObjects final : public PresignedObjects {
 public:
  WirePresignedObjects(const PresignedOptions& options, std::unique_ptr<Wire> wire, uint64_t seed)
      : origin_(options.endpoint + "/"),
        wire_(std::move(wire)),
        policy_{options.retries, Backoff(seed)} {}

  Result<void> put_presigned(const std::string& url, ByteSpan bytes) override {
    CW_CHECK(std::ssize(bytes) <= kObjectBytesMax, "an object of {} bytes", bytes.size());
    CW_TRY(call("PUT", url, bytes, kComplaintBytesMax));
    return {};
  }
  Result<Bytes> get_presigned(const std::string& url, int64_t bytes_max) override {
    CW_CHECK(bytes_max >= 0 && bytes_max <= kObjectBytesMax, "at most {} bytes", bytes_max);
    CW_ASSIGN(WireAnswer answer, call("GET", url, {}, bytes_max));
    if (!answer.crc32c.empty() && answer.crc32c != fmt::format("{:08x}", crc32c(answer.body)))
      return failure(Fault::kCorrupt, "GET {}: got other bytes than those that were put",
                     shown(url));
    return std::move(answer.body);
  }
  void cancel() override { wire_->cancel(); }

 private:
  // Without the query, which is the right itself.
  std::string shown(const std::string& url) const {
    return url.substr(origin_.size() - 1, url.find('?') - origin_.size() + 1);
  }
  Result<void> check(const std::string& url) const {
    const bool printable = url.find_first_not_of(
                               "!#$%&'()*+,-./0123456789:;=?@"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
                               "abcdefghijklmnopqrstuvwxyz~") == url.npos;
    if (url.size() <= kAddressBytesMax && printable && url.starts_with(origin_)) return {};
    return failure(Fault::kBadInput, "got a presigned address that is none of {}", origin_);
  }
  Result<WireAnswer> call(const std::string& method, const std::string& url, ByteSpan body,
                          int64_t bytes_max) {
    CW_TRY(check(url));
    const Call call{.what = method + " " + shown(url), .request = [&] {
                      return WireRequest{
                          .method = method, .url = url, .body = body, .bytes_max = bytes_max};
                    }};
    return call_store(*wire_, policy_, call);
  }

  const std::string origin_;
  const std::unique_ptr<Wire> wire_;
  CallPolicy policy_;
};

}  // namespace

Result<std::unique_ptr<PresignedObjects>> presigned_over(const PresignedOptions& options,
                                                         std::unique_ptr<Wire> wire,
                                                         uint64_t seed) {
  CW_TRY(read_endpoint(options.endpoint));
  return std::unique_ptr<PresignedObjects>(
      std::make_unique<WirePresignedObjects>(options, std::move(wire), seed));
}

Result<std::unique_ptr<PresignedObjects>> open_presigned(const PresignedOptions& options,
                                                         uint64_t seed) {
  CW_TRY(read_endpoint(options.endpoint));
  return presigned_over(options,
                        curl_wire({.timeout_ms = options.timeout_ms,
                                   .connections = options.connections,
                                   .authority_file = options.authority_file}),
                        seed);
}

}  // namespace causeway

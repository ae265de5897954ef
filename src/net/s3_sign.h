// SPDX-License-Identifier: Apache-2.0
//
// Signatures of requests to S3: AWS Signature Version 4, in a header or in an address. Our own, as
// libcurl 7.88 sends no x-amz-content-sha256, which S3 wants, and knows no presigned addresses.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/bytes.h"

namespace causeway {

struct S3Keys {
  std::string access_key, secret_key;
  std::string session_token;  ///< of keys that are lent for a while; else empty
};

/// What a signature holds for besides the request.
struct SignScope {
  std::string region, service = "s3";
  int64_t unix_s = 0;
};

/// A request as it is signed: texts that are not escaped yet.
struct UnsignedRequest {
  std::string method, path = "/";
  std::map<std::string, std::string> query;
  std::map<std::string, std::string> headers;  ///< all that are signed; lower-case names
  std::string payload_sha256;                  ///< sha256_hex of the body, or kUnsignedPayload
};

inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

/// 64 lower-case digits.
std::string sha256_hex(ByteSpan bytes);
/// 20130524T000000Z, as the header x-amz-date has it.
std::string amz_date(int64_t unix_s);
/// Percent-encodes all but [A-Za-z0-9._~-].
std::string escape_uri(std::string_view text);
/// Each part between slashes escaped.
std::string escape_path(std::string_view path);
/// name=value&name=value, escaped, in order of name.
std::string query_text(const std::map<std::string, std::string>& query);

/// The value of the header Authorization. `request.headers` has host and x-amz-date.
std::string authorization(const UnsignedRequest& request, const S3Keys& keys,
                          const SignScope& scope);

/// The query with which the request may be made without keys for `seconds` from scope.unix_s on.
/// `request.headers` has host alone.
std::string presigned_query(UnsignedRequest request, const S3Keys& keys, const SignScope& scope,
                            int64_t seconds);

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "net/s3_sign.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <chrono>

#include "net/object_store_digest.h"

namespace causeway {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

ByteSpan bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

Sha256 hmac(ByteSpan key, std::string_view text) {
  Sha256 out;
  const auto* data = reinterpret_cast<const unsigned char*>(text.data());
  const auto* made = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), data, text.size(),
                          reinterpret_cast<unsigned char*>(out.data()), nullptr);
  CW_CHECK(made != nullptr, "OpenSSL cannot make an HMAC");
  return out;
}

std::string date_of(const SignScope& scope) { return amz_date(scope.unix_s).substr(0, 8); }

std::string scope_text(const SignScope& scope) {
  return fmt::format("{}/{}/{}/aws4_request", date_of(scope), scope.region, scope.service);
}

std::string signed_names(const UnsignedRequest& request) {
  std::string names;
  for (const auto& [name, value] : request.headers) names += (names.empty() ? "" : ";") + name;
  return names;
}

std::string signature_of(const UnsignedRequest& request, const S3Keys& keys,
                         const SignScope& scope) {
  std::string headers;
  for (const auto& [name, value] : request.headers) headers += fmt::format("{}:{}\n", name, value);
  const std::string canonical = fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method,
                                            escape_path(request.path), query_text(request.query),
                                            headers, signed_names(request), request.payload_sha256);
  const std::string text = fmt::format("{}\n{}\n{}\n{}", kAlgorithm, amz_date(scope.unix_s),
                                       scope_text(scope), sha256_hex(bytes_of(canonical)));
  const Sha256 of_date = hmac(bytes_of("AWS4" + keys.secret_key), date_of(scope));
  const Sha256 of_region = hmac(of_date, scope.region);
  const Sha256 of_service = hmac(of_region, scope.service);
  return hex_of(hmac(hmac(of_service, "aws4_request"), text));
}

}  // namespace

std::string sha256_hex(ByteSpan bytes) { return hex_of(sha256_of(bytes)); }

std::string amz_date(int64_t unix_s) {
  const std::chrono::sys_seconds at{std::chrono::seconds(unix_s)};
  const auto midnight = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(midnight);
  const std::chrono::hh_mm_ss time(at - midnight);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count());
}

std::string escape_uri(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '_' || c == '~' || c == '-';
    if (plain)
      out += c;
    else
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string escape_path(std::string_view path) {
  std::string out;
  for (size_t slash = path.find('/'); slash != path.npos; slash = path.find('/')) {
    out += escape_uri(path.substr(0, slash)) + "/";
    path.remove_prefix(slash + 1);
  }
  return out + escape_uri(path);
}

std::string query_text(const std::map<std::string, std::string>& query) {
  std::string out;
  for (const auto& [name, value] : query)
    out += (out.empty() ? "" : "&") + escape_uri(name) + "=" + escape_uri(value);
  return out;
}

std::string authorization(const UnsignedRequest& request, const S3Keys& keys,
                          const SignScope& scope) {
  return fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kAlgorithm,
                     keys.access_key, scope_text(scope), signed_names(request),
                     signature_of(request, keys, scope));
}

std::string presigned_query(UnsignedRequest request, const S3Keys& keys, const SignScope& scope,
                            int64_t seconds) {
  request.query["X-Amz-Algorithm"] = kAlgorithm;
  request.query["X-Amz-Credential"] = keys.access_key + "/" + scope_text(scope);
  request.query["X-Amz-Date"] = amz_date(scope.unix_s);
  request.query["X-Amz-Expires"] = std::to_string(seconds);
  request.query["X-Amz-SignedHeaders"] = signed_names(request);
  if (!keys.session_token.empty()) request.query["X-Amz-Security-Token"] = keys.session_token;
  request.payload_sha256 = kUnsignedPayload;
  return query_text(request.query) + "&X-Amz-Signature=" + signature_of(request, keys, scope);
}

}  // namespace causeway

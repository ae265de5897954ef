// SPDX-License-Identifier: Apache-2.0
#include "net/s3_call.h"

#include <algorithm>

#include "net/s3_xml.h"

namespace causeway {
namespace {

/// One try that failed.
struct Failed {
  Error error;
  bool may_pass = false;
};

// Codes of 4xx answers that another try may better: the bytes were damaged or cut on the way.
bool is_passing_code(std::string_view code) {
  constexpr std::string_view kCodes[] = {"BadDigest", "IncompleteBody", "RequestTimeout",
                                         "XAmzContentChecksumMismatch",
                                         "XAmzContentSHA256Mismatch"};
  return std::find(std::begin(kCodes), std::end(kCodes), code) != std::end(kCodes);
}

bool is_passing_status(int32_t status) {
  constexpr int32_t kConflict = 409, kRequestTimeout = 408, kTooMany = 429, kNotImplemented = 501;
  return status == kRequestTimeout || status == kConflict || status == kTooMany ||
         (status >= 500 && status != kNotImplemented);
}

std::string_view advice_for(int32_t status, std::string_view code) {
  if (status / 100 == 3) return "; name the endpoint and region of the bucket";
  if (code == "RequestTimeTooSkewed") return "; set this machine's clock";
  if (code == "NoSuchBucket") return "; make the bucket first";
  return "";
}

Failed read_refusal(const WireAnswer& answer, const std::string& what) {
  const auto* text = reinterpret_cast<const char*>(answer.body.data());
  const StoreComplaint complaint = read_complaint({text, answer.body.size()});
  const std::string message =
      fmt::format("{}: the store answered {} {} {}{}", what, answer.status, complaint.code,
                  complaint.message, advice_for(answer.status, complaint.code));
  const int32_t status = answer.status;
  if (is_passing_status(status) || is_passing_code(complaint.code))
    return {{Fault::kIo, message}, true};
  if (status == 401 || status == 403) return {{Fault::kRefused, message}};
  if (status >= 300) return {{Fault::kBadInput, message}};
  return {{Fault::kCorrupt, message}};
}

bool is_absent(const WireAnswer& answer) {
  const auto* text = reinterpret_cast<const char*>(answer.body.data());
  return answer.status == 404 && read_complaint({text, answer.body.size()}).code != "NoSuchBucket";
}

Failed read_failure(const Error& error, const std::string& what) {
  const bool may_pass = error.fault == Fault::kTimeout || error.fault == Fault::kPeerLost;
  return {{may_pass ? Fault::kIo : error.fault, what + ": " + error.message}, may_pass};
}

}  // namespace

int64_t Backoff::pause_ms(uint64_t call, int64_t attempt) const {
  constexpr int64_t kDoublingsMax = 20;
  const int64_t full =
      std::min(kPauseMsMax, kPauseMsFirst << std::clamp<int64_t>(attempt - 1, 0, kDoublingsMax));
  const double share =
      random_.uniform(call * (kDoublingsMax + 1) + static_cast<uint64_t>(attempt)) / 2 + 0.5;
  return static_cast<int64_t>(static_cast<double>(full) * share);
}

Result<WireAnswer> call_store(Wire& wire, CallPolicy& policy, const Call& call) {
  const uint64_t number = policy.calls++;
  for (int64_t attempt = 1;; ++attempt) {
    auto answer = wire.exchange(call.request());
    if (answer && answer->status / 100 == 2) return answer;
    if (answer && call.may_be_absent && is_absent(*answer)) return answer;
    const Failed failed =
        answer ? read_refusal(*answer, call.what) : read_failure(answer.error(), call.what);
    if (!failed.may_pass) return failed.error;
    if (attempt > policy.retries)
      return failure(failed.error.fault, "{} (after {} tries)", failed.error.message, attempt);
    wire.pause(policy.backoff.pause_ms(number, attempt));
  }
}

}  // namespace causeway

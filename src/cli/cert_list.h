// SPDX-License-Identifier: Apache-2.0
//
// What `causeway cert` shows of certificates.
#pragma once

#include <cstdint>
#include <string>

#include "core/error.h"

namespace causeway {

/// A certificate is warned of when it has so many days left, or fewer.
inline constexpr int64_t kWarnDays = 30;

/// A time in UTC, to the minute.
std::string utc_text(int64_t unix_s);

/// Prints all certificates of a folder, as a table or as a JSON line each; warns of what is over
/// soon on standard error. Fault::kIo, Fault::kBadInput.
Result<void> list_certificates(const std::string& folder, bool json, int64_t now_unix_s);

/// Prints what one certificate or request says, and whether it can be used with what is in
/// `folder`; empty: the file's own folder. Fault::kIo, Fault::kBadInput.
Result<void> show_certificate(const std::string& path, const std::string& folder,
                              int64_t now_unix_s);

}  // namespace causeway

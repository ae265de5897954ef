// SPDX-License-Identifier: Apache-2.0
//
// Logging is spdlog. Libraries log through `log()`, which main sets up once; before that, and in
// tests, it drops everything. spdlog's header is included only where lines are written.
#pragma once

#include <cstdint>
#include <string_view>

namespace causeway {

enum class LogLevel : uint8_t { kDebug = 1, kInfo = 2, kWarning = 3, kError = 4 };

/// Writes one line to the sink. Thread-safe.
void log(LogLevel level, std::string_view message);

/// Sends lines of `level` and above to standard error. Call it once, from main, before any thread.
void start_logging(LogLevel level);

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <string>

namespace causeway {

/// Prints `file:line: check failed: condition: message` to standard error and aborts.
[[noreturn]] void check_failed(const char* file, int line, const char* condition,
                               const std::string& message);

}  // namespace causeway

/// A bug in this program, not in its input: stays on in every build. Input is checked with Result.
/// `CW_CHECK(a < b, "a is {}", a)`; the message is optional.
#define CW_CHECK(condition, ...)                                                               \
  do {                                                                                         \
    if (!(condition)) [[unlikely]]                                                             \
      ::causeway::check_failed(__FILE__, __LINE__, #condition, ::fmt::format("" __VA_ARGS__)); \
  } while (false)

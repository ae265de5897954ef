// SPDX-License-Identifier: Apache-2.0
#include "core/log.h"

#include <spdlog/sinks/null_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace causeway {
namespace {

// The one process-wide object: spdlog's default logger, silent until main starts it.
spdlog::logger& logger() {
  static const bool silenced = [] {
    if (!spdlog::get("causeway")) spdlog::set_default_logger(spdlog::null_logger_mt("silent"));
    return true;
  }();
  static_cast<void>(silenced);
  return *spdlog::default_logger_raw();
}

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::off;
}

}  // namespace

void log(LogLevel level, std::string_view message) { logger().log(level_of(level), "{}", message); }

void start_logging(LogLevel level) {
  auto started = spdlog::stderr_color_mt("causeway");
  started->set_level(level_of(level));
  started->set_pattern("%H:%M:%S %^%l%$ %v");
  spdlog::set_default_logger(std::move(started));
}

}  // namespace causeway

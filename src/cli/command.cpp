// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <system_error>

namespace causeway {

int run_command(CLI::App& app, int argc, char** argv, const int& exit_code) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kBadUsage;
  } catch (const std::system_error& error) {
    // Who reads what it prints has seen enough, as `head` has.
    if (error.code() == std::errc::broken_pipe) return kUnread;
    throw;
  }
  return exit_code;
}

int tell_error(const Error& error) {
  fmt::print(stderr, "causeway: {}\n", error.message);
  if (error.fault == Fault::kBadInput) return kBadUsage;
  return error.fault == Fault::kRefused ? kRefused : kFailed;
}

int tell_mistakes(const std::string& recipe, const Mistakes& mistakes) {
  fmt::print(stderr, "{}", mistakes.text());
  fmt::print(stderr, "causeway: {} {} in {}; nothing was started\n", mistakes.size(),
             mistakes.size() == 1 ? "mistake" : "mistakes", recipe);
  return kBadUsage;
}

int32_t terminal_width() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

}  // namespace causeway

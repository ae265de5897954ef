// SPDX-License-Identifier: Apache-2.0
#include "cli/companion.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "cli/command.h"

namespace causeway {
namespace {

constexpr std::array<std::string_view, 4> kCommands = {"hub", "dry-worker", "cert", "status"};

}  // namespace

int run_companion(int argc, char** argv) {
  if (argc < 2 || std::ranges::find(kCommands, argv[1]) == kCommands.end()) return -1;
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string program = (self.parent_path() / "causeway-hub").string();
  execv(program.c_str(), argv);
  fmt::print(stderr, "causeway: cannot start {}: {}; it lies beside causeway\n", program,
             std::strerror(errno));
  return kFailed;
}

}  // namespace causeway

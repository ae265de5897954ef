// SPDX-License-Identifier: Apache-2.0
#include "data/path.h"

#include <filesystem>

namespace causeway {

std::string find_path(const std::string& base, const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const fs::path here = fs::current_path(ignored);
  const fs::path first = fs::path(base.empty() ? here : fs::absolute(base, ignored)) / path;
  const fs::path second = here / path;
  const bool elsewhere = !fs::exists(first, ignored) && fs::exists(second, ignored);
  return (elsewhere ? second : first).lexically_normal().string();
}

}  // namespace causeway

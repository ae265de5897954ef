// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "data/test_files.h"

namespace causeway {

/// Every file of a folder by name.
inline std::map<std::string, std::string> contents_of(const std::string& folder) {
  std::map<std::string, std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    out[entry.path().filename().string()] = read_text(entry.path().string());
  return out;
}

}  // namespace causeway

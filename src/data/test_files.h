// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>

#include "core/hash.h"

namespace causeway {

/// A fresh, empty folder for the test that runs. Each binary has its own, so that two builds may be
/// tested at a time.
inline std::string test_folder() {
  std::error_code ignored;
  const std::string binary = std::filesystem::read_symlink("/proc/self/exe", ignored).string();
  const testing::TestInfo* test = testing::UnitTest::GetInstance()->current_test_info();
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) /
                                     ("causeway_test_" + digest_of(binary).hex()) /
                                     test->test_suite_name() / test->name();
  std::filesystem::remove_all(path);
  std::filesystem::create_directories(path);
  return path.string();
}

inline void write_text(const std::string& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  ASSERT_TRUE(file.flush()) << path;
}

inline std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace causeway

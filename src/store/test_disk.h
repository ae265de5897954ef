// SPDX-License-Identifier: Apache-2.0
//
// For tests of what lies over a Disk.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "core/bytes.h"
#include "core/random.h"

namespace causeway {

/// An empty folder of the running test's own.
inline std::string fresh_folder(const std::string& name) {
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  std::string own = std::string(test->test_suite_name()) + "." + test->name() + "." + name;
  for (char& c : own)
    if (c == '/') c = '_';
  const auto path = std::filesystem::path(testing::TempDir()) / own;
  std::filesystem::remove_all(path);
  return path.string();
}

/// Bytes that look like nothing in particular, other ones for each `index`.
inline Bytes noise(size_t size, uint32_t index) {
  const Random random(5, Stream::kSample, index);
  Bytes out(size);
  for (size_t i = 0; i < size; ++i) out[i] = static_cast<std::byte>(random.bits(i));
  return out;
}

inline Bytes bytes_of(std::string_view text) {
  const auto view = std::as_bytes(std::span(text));
  return {view.begin(), view.end()};
}

}  // namespace causeway

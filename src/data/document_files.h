// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/error.h"

namespace causeway {

/// Files and their sizes on disk; 0 for standard input, which is "-".
struct FileList {
  std::vector<std::string> paths;
  std::vector<int64_t> sizes;
};

/// The files that paths, folders and globs stand for, as DocumentReader::open() states.
Result<FileList> list_documents(const std::vector<std::string>& paths);

}  // namespace causeway

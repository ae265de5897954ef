// SPDX-License-Identifier: Apache-2.0
//
// Files that are on the disk before anybody relies on them.
#pragma once

#include <string>
#include <string_view>

#include "core/error.h"

namespace causeway {

/// Fault::kIo with the operating system's reason: errno.
Error io_error(const std::string& path, std::string_view what);

/// Waits until a file's bytes, or a folder's entries, are on the disk.
Result<void> sync_path(const std::string& path);

/// Writes a new file, synced. A reader may see it half-written.
Result<void> write_file(const std::string& path, std::string_view text);

/// Writes `text` beside `path` and renames it there, synced.
Result<void> write_file_atomically(const std::string& path, std::string_view text);

/// Makes `target` a copy of the regular file that `source` is or leads to, synced. If `may_link`,
/// both names share one file where the file system allows it: then nobody may write to either.
Result<void> carry_file(const std::string& source, const std::string& target, bool may_link);

}  // namespace causeway

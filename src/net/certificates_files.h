// SPDX-License-Identifier: Apache-2.0
//
// Files of a folder of certificates. Only certificates*.cpp include this.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"

namespace causeway {

/// Most bytes of a certificate's, a key's or a request's file, and of a list of fingerprints.
inline constexpr int64_t kPemBytesMax = 64 << 10;
inline constexpr int64_t kAccessListBytesMax = 1 << 20;

/// Holds a folder until it is destroyed: who writes there takes turns, in all processes. The
/// system lets go of it when its process ends.
class FolderLock {
 public:
  /// Waits 10 seconds at most. Fault::kIo.
  static Result<std::unique_ptr<FolderLock>> take(const std::string& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  explicit FolderLock(int file) : file_(file) {}
  int file_;
};

/// Makes a folder that nobody else can enter, if there is none.
Result<void> make_private_folder(const std::string& folder);
/// Fault::kBadInput, with `what_to_do`, if there is anything at this path.
Result<void> want_absent(const std::string& path, std::string_view what_to_do);

/// A file's bytes. Fault::kIo: no file, no right; Fault::kBadInput: more than `bytes_max`.
Result<std::string> read_small_file(const std::string& path, int64_t bytes_max);
/// The same of a key. Fault::kBadInput if anybody but its owner has rights on it.
Result<std::string> read_key_file(const std::string& path);
/// Writes a key beside `path` and renames it there, synced. It has mode 0600 before its first byte
/// is written, whatever the umask.
Result<void> write_key_file(const std::string& path, std::string_view pem);

}  // namespace causeway

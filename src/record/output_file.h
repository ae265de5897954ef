// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"

namespace causeway {

/// A file that is written front to back through a buffer of at most 64 KiB. The first failure (a
/// full disk) is told once through log(); from then on nothing is written. Not thread-safe.
class OutputFile {
 public:
  /// Opens or makes `path`; `flags` are those of open(2) beside O_CREAT and O_CLOEXEC. Fault::kIo
  /// with the reason.
  static Result<std::unique_ptr<OutputFile>> open(const std::string& path, int flags);
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  void write(std::string_view bytes);
  /// Hands what is buffered to the operating system.
  void flush();
  /// Keeps the first `size_bytes` bytes and goes on writing there. Nothing may be buffered. A file
  /// that already has this size is left alone, so that a device will do.
  void keep(int64_t size_bytes);
  bool failed() const { return failed_; }

 private:
  OutputFile(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  void fail(int error);

  std::string path_;
  int descriptor_;
  std::string buffer_;
  bool failed_ = false;
};

}  // namespace causeway

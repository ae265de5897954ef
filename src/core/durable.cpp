// SPDX-License-Identifier: Apache-2.0
#include "core/durable.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace causeway {

namespace fs = std::filesystem;

Error io_error(const std::string& path, std::string_view what) {
  return failure(Fault::kIo, "{}: {}: {}", path, what, std::generic_category().message(errno));
}

Result<void> sync_path(const std::string& path) {
  // The parent of a name without folders is the working folder.
  const int file = ::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return io_error(path, "cannot be opened");
  const bool synced = ::fsync(file) == 0;
  const int code = errno;
  ::close(file);
  errno = code;
  if (!synced) return io_error(path, "cannot be synced to disk");
  return {};
}

Result<void> write_file(const std::string& path, std::string_view text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  out.close();
  if (!out) return io_error(path, "cannot be written");
  return sync_path(path);
}

Result<void> write_file_atomically(const std::string& path, std::string_view text) {
  const std::string aside = path + ".writing";
  CW_TRY(write_file(aside, text));
  if (std::rename(aside.c_str(), path.c_str()) != 0) return io_error(path, "cannot be replaced");
  return sync_path(fs::path(path).parent_path().string());
}

Result<void> carry_file(const std::string& source, const std::string& target, bool may_link) {
  std::error_code error;
  // Hugging Face's cache keeps links to files elsewhere: what is carried is the file.
  const fs::path file = fs::canonical(source, error);
  if (error || !fs::is_regular_file(file, error))
    return failure(Fault::kIo, "{}: is no file that can be read", source);
  if (may_link) fs::create_hard_link(file, target, error);
  if (!may_link || error) {
    fs::copy_file(file, target, fs::copy_options::overwrite_existing, error);
    if (error)
      return failure(Fault::kIo, "{}: cannot be copied to {}: {}", source, target, error.message());
  }
  return sync_path(target);
}

}  // namespace causeway

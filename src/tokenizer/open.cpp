// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "tokenizer/tokenizer.h"

namespace causeway {
namespace {

constexpr std::uintmax_t kFileBytesMax = 256'000'000;

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return failure(Fault::kIo, "{}: cannot open: {}", path, std::strerror(errno));
  std::string text;
  char buffer[1 << 16];
  while (file.read(buffer, sizeof(buffer)) || file.gcount() > 0) {
    text.append(buffer, static_cast<size_t>(file.gcount()));
    if (text.size() > kFileBytesMax)
      return failure(Fault::kBadInput, "{}: more than {} bytes are no tokenizer file", path,
                     kFileBytesMax);
  }
  if (file.bad()) return failure(Fault::kIo, "{}: cannot read: {}", path, std::strerror(errno));
  return text;
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> open_tokenizer(const std::string& name) {
  if (name == "bytes") return bytes_tokenizer();
  std::error_code ignored;
  const bool is_folder = std::filesystem::is_directory(name, ignored);
  const std::string path =
      is_folder ? (std::filesystem::path(name) / "tokenizer.json").string() : name;
  CW_ASSIGN(const std::string text, read_file(path));
  return parse_tokenizer(text, path);
}

}  // namespace causeway

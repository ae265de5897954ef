// SPDX-License-Identifier: Apache-2.0
#include "store/disk.h"

namespace causeway {

Result<Bytes> Disk::read(const std::string& name, int64_t offset, int64_t count) const {
  CW_ASSIGN(const int64_t bytes, size(name));
  if (offset < 0 || count < 0 || offset > bytes || count > bytes - offset)
    return failure(Fault::kIo, "{}: has {} bytes; wanted: {} from {} on", name, bytes, count,
                   offset);
  Bytes out(static_cast<size_t>(count));
  CW_TRY(read_into(name, offset, out));
  return out;
}

Result<void> check_file_name(std::string_view name) {
  constexpr size_t kNameBytesMax = 200;
  const bool plain = !name.empty() && name.size() <= kNameBytesMax && name != "." && name != ".." &&
                     name.find_first_of(std::string_view("/\0", 2)) == name.npos;
  if (plain) return {};
  return failure(Fault::kBadInput, "\"{}\" is no name of a file; wanted: 1 to {} bytes without '/'",
                 name.substr(0, kNameBytesMax), kNameBytesMax);
}

}  // namespace causeway

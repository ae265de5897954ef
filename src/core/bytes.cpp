// SPDX-License-Identifier: Apache-2.0
#include "core/bytes.h"

namespace causeway {

Result<ByteSpan> ByteReader::take(size_t count) {
  if (count > bytes_.size())
    return failure(Fault::kCorrupt, "got {} bytes where {} were wanted", bytes_.size(), count);
  const ByteSpan part = bytes_.first(count);
  bytes_ = bytes_.subspan(count);
  return part;
}

Result<std::string_view> ByteReader::get_text(size_t size_max) {
  CW_ASSIGN(const uint32_t size, get<uint32_t>());
  if (size > size_max)
    return failure(Fault::kCorrupt, "a text of {} bytes, at most {} were wanted", size, size_max);
  CW_ASSIGN(const ByteSpan part, take(size));
  return std::string_view(reinterpret_cast<const char*>(part.data()), part.size());
}

}  // namespace causeway

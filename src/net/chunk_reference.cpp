// SPDX-License-Identifier: Apache-2.0
#include "net/chunk_reference.h"

#include <algorithm>

namespace causeway {

Result<void> check_reference(const ChunkReference& reference) {
  const bool fits = reference.bytes >= 1 && reference.bytes <= int64_t{kChunkBytesMax} &&
                    reference.offset >= 0 && reference.offset <= INT64_MAX - reference.bytes;
  if (fits) return {};
  return failure(Fault::kCorrupt, "got a reference to {} bytes at {}; wanted: 1 to {}",
                 reference.bytes, reference.offset, kChunkBytesMax);
}

Bytes encode_reference(const ChunkReference& reference) {
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.put(reference.blob.high);
  writer.put(reference.blob.low);
  writer.put(reference.offset);
  writer.put(reference.bytes);
  writer.put(reference.crc32c);
  writer.put(ByteSpan(reference.sha256));
  return bytes;
}

Result<ChunkReference> decode_reference(ByteSpan bytes) {
  ByteReader reader(bytes);
  ChunkReference reference;
  CW_ASSIGN(reference.blob.high, reader.get<uint64_t>());
  CW_ASSIGN(reference.blob.low, reader.get<uint64_t>());
  CW_ASSIGN(reference.offset, reader.get<int64_t>());
  CW_ASSIGN(reference.bytes, reader.get<int64_t>());
  CW_ASSIGN(reference.crc32c, reader.get<uint32_t>());
  CW_ASSIGN(const ByteSpan sha256, reader.take(reference.sha256.size()));
  std::ranges::copy(sha256, reference.sha256.begin());
  if (reader.left() > 0)
    return failure(Fault::kCorrupt, "a reference has {} bytes too many", reader.left());
  CW_TRY(check_reference(reference));
  return reference;
}

std::string chunk_prefix(uint64_t run) { return fmt::format("chunks/{:016x}/", run); }

std::string chunk_prefix(uint64_t run, const Digest& blob) {
  return chunk_prefix(run) + blob.hex() + "/";
}

std::string chunk_key(uint64_t run, const ChunkReference& reference) {
  return fmt::format("{}{}-{}", chunk_prefix(run, reference.blob), reference.offset,
                     reference.bytes);
}

}  // namespace causeway

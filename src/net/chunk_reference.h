// SPDX-License-Identifier: Apache-2.0
//
// What stands for a Chunk whose bytes are an object: net/chunk_store.h puts and gets them.
#pragma once

#include <cstdint>
#include <string>

#include "core/hash.h"
#include "exchange/messages.h"
#include "net/object_store_digest.h"

namespace causeway {

/// A Chunk whose bytes are an object.
struct ChunkReference {
  Digest blob;
  int64_t offset = 0, bytes = 0;  ///< bytes: 1 to kChunkBytesMax
  uint32_t crc32c = 0;            ///< of the bytes
  Sha256 sha256 = {};             ///< of the bytes
  bool operator==(const ChunkReference&) const = default;
};

inline constexpr size_t kReferenceBytes = 68;

/// 68 bytes: high and low half of the blob's digest, offset, bytes, crc32c, sha256.
Bytes encode_reference(const ChunkReference& reference);
/// Any bytes are safe: Fault::kCorrupt if they are no reference, or its numbers are out of bounds.
Result<ChunkReference> decode_reference(ByteSpan bytes);
/// Fault::kCorrupt if its numbers are out of bounds.
Result<void> check_reference(const ChunkReference& reference);

/// What the keys of all objects begin with: of a run, of a blob.
std::string chunk_prefix(uint64_t run);
std::string chunk_prefix(uint64_t run, const Digest& blob);
/// The object's key, under the store's own prefix.
std::string chunk_key(uint64_t run, const ChunkReference& reference);

}  // namespace causeway

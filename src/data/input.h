// SPDX-License-Identifier: Apache-2.0
//
// The bytes of a file one after the other, decompressed on the way. Internal to documents.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/bytes.h"

namespace causeway {

/// One thread at a time.
class Input {
 public:
  virtual ~Input() = default;

  /// Fills the front of `out`, which is not empty, and says how much: 0 only at the end.
  /// Fault::kIo, or kCorrupt if compressed bytes are damaged or end too early.
  virtual Result<size_t> read(std::span<char> out) = 0;
  /// Passes over `count` bytes; false if the end comes before.
  virtual Result<bool> skip(int64_t count) = 0;
  /// Bytes taken from the file so far, before decompression.
  virtual int64_t consumed() const = 0;
};

enum class Packing : uint8_t { kNone, kGzip, kZstd };

/// By the name's ending: .gz, .zst.
Packing packing_of(std::string_view path);

/// Opens a file, or standard input for "-", and looks through its packing.
Result<std::unique_ptr<Input>> open_input(const std::string& path);

/// Bytes that outlive it.
std::unique_ptr<Input> memory_input(ByteSpan bytes);

/// What `source` holds, decompressed: any number of gzip members (RFC 1952) or zstd frames (RFC
/// 8878). Memory does not depend on what the bytes claim; a zstd frame that wants a window beyond
/// 128 MiB is refused. `name` is for messages.
std::unique_ptr<Input> unpack(std::unique_ptr<Input> source, Packing packing,
                              const std::string& name);
/// The two kinds of unpack().
std::unique_ptr<Input> gzip_input(std::unique_ptr<Input> source, const std::string& name);
std::unique_ptr<Input> zstd_input(std::unique_ptr<Input> source, const std::string& name);

/// skip() of what cannot jump.
Result<bool> skip_by_reading(Input& input, int64_t count);

}  // namespace causeway

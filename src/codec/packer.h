// SPDX-License-Identifier: Apache-2.0
//
// Lossless packing of a codec's bytes. What is packed is
//   u8 0 | the bytes as they are          where packing would not make them fewer
//   u8 1 | head | u32 size | packed       else: `head` bytes as they are, then `size` bytes packed.
#pragma once

#include "codec/codec.h"

namespace causeway {

/// What is known of the bytes that are packed.
struct PlainForm {
  size_t head = 0;   ///< bytes at the front that are no codes
  size_t width = 0;  ///< bytes of each value, if all have the same: of fp32, bf16, fp16; else 0
};

/// Turns bytes into fewer and back. Pure; const methods may be called from many threads at once.
class Packer {
 public:
  virtual ~Packer() = default;

  /// Appends the packed form of `plain`, at most 2^24 bytes.
  virtual void pack(ByteSpan plain, size_t width, Bytes& bytes) const = 0;

  /// Fills `plain` whole. `bytes` come from a stranger: any content is safe. Fault::kCorrupt if
  /// they are not the packed form of so many bytes.
  virtual Result<void> unpack(ByteSpan bytes, size_t width, std::span<std::byte> plain) const = 0;

  /// True of packers that are of use only where each value has the same number of bytes.
  virtual bool wants_width() const { return false; }
};

/// Every packer, sorted by name.
Entries<Packer> packers();

/// Appends `plain`, packed if that makes it smaller: never more than a byte more.
void append_packed(const Packer& packer, ByteSpan plain, const PlainForm& form, Bytes& bytes);

/// The plain bytes, `most` of them or fewer; they lie in `bytes` or in `memory`.
Result<ByteSpan> unpacked(const Packer& packer, ByteSpan bytes, const PlainForm& form, size_t most,
                          Bytes& memory);

}  // namespace causeway

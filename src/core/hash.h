// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <string>

#include "core/bytes.h"

namespace causeway {

/// XXH3 with 128 bits: finds accidents, not attackers.
struct Digest {
  uint64_t high = 0, low = 0;
  auto operator<=>(const Digest&) const = default;
  std::string hex() const;  ///< 32 hexadecimal digits, high half first, as `xxhsum -H2` prints
};

Digest digest_of(ByteSpan bytes);
Digest digest_of(std::string_view text);

/// A digest of pieces; the same as that of the pieces joined.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  void add(ByteSpan bytes);
  Digest digest() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// CRC-32C (Castagnoli), as iSCSI, TensorBoard and gRPC use it. To go on with further bytes, pass
/// the `crc` of those before.
uint32_t crc32c(ByteSpan bytes, uint32_t crc = 0);
/// The same number without the processor's instruction, for tests and other processors.
uint32_t crc32c_portable(ByteSpan bytes, uint32_t crc = 0);

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "core/hash.h"

#include <fmt/format.h>
#include <xxhash.h>

namespace causeway {
namespace {

Digest from(XXH128_hash_t hash) { return {hash.high64, hash.low64}; }

}  // namespace

std::string Digest::hex() const { return fmt::format("{:016x}{:016x}", high, low); }

Digest digest_of(ByteSpan bytes) { return from(XXH3_128bits(bytes.data(), bytes.size())); }
Digest digest_of(std::string_view text) { return digest_of(std::as_bytes(std::span(text))); }

struct Hasher::State {
  XXH3_state_t* state = XXH3_createState();
  ~State() { XXH3_freeState(state); }
};

Hasher::Hasher() : state_(std::make_unique<State>()) { XXH3_128bits_reset(state_->state); }
Hasher::~Hasher() = default;
void Hasher::add(ByteSpan bytes) { XXH3_128bits_update(state_->state, bytes.data(), bytes.size()); }
Digest Hasher::digest() const { return from(XXH3_128bits_digest(state_->state)); }

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
//
// How bytes lie on a connection: u8 kind | u32 length | payload. After TLS, so that only who is
// authenticated has a frame read at all.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "core/error.h"
#include "exchange/messages.h"
#include "net/chunk_reference.h"

namespace causeway {

/// Values are fixed: the wire has them.
enum class FrameKind : uint8_t {
  kPreface = 1,  ///< the worker's first frame: Preface
  kCharter = 2,  ///< the hub's answer: Charter
  kRefusal = 3,  ///< or Refusal; the connection then ends
  kMessage = 4,  ///< exchange/messages.h, both ways
  kPing = 5,     ///< u64 that comes back in a pong
  kPong = 6,
  kReference = 7,  ///< in place of a message with a Chunk, whose bytes are an object: Referral
  kMissing = 8,    ///< the receiver could not get it: its sender's Referral, back
};

inline constexpr size_t kFrameHeadBytes = 5;
inline constexpr size_t kCharterBytesMax = size_t{64} << 20;

struct FrameHead {
  FrameKind kind = FrameKind::kPing;
  uint32_t length = 0;  ///< of the payload
};

std::array<std::byte, kFrameHeadBytes> encode_frame_head(const FrameHead& head);
/// Any bytes are safe: Fault::kCorrupt for a kind that is none or a length that its kind forbids.
Result<FrameHead> decode_frame_head(ByteSpan bytes);

/// Who speaks. The certificate says which site it is; this says which of its workers.
struct Preface {
  uint32_t magic = 0x59575343;  ///< "CSWY"
  uint8_t protocol = kProtocolVersion;
  WorkerId worker = 0;
  std::string version;  ///< of the program
  std::string token;
  std::string store;  ///< BUCKET/PREFIX of the object store that it uses; empty: none
};

/// What a run is, for a worker that was let in: all that hub and workers must agree on.
struct Charter {
  uint64_t run = 0;
  std::string site;       ///< name of the worker's site, as the recipe has it
  SharedBytes recipe;     ///< TOML, resolved
  SharedBytes tokenizer;  ///< tokenizer.json; empty: bytes
  Digest plan, layout;
  Digest genesis;     ///< of the state before the first step
  Digest weights;     ///< of the parameters in it, as weights_digest
  std::string store;  ///< the hub's object store, as in the preface
};

struct Refusal {
  Fault fault = Fault::kRefused;
  std::string reason;
};

/// A chunk by reference: whose, and where its bytes are.
struct Referral {
  uint64_t run = 0;
  int64_t epoch = 0;
  WorkerId worker = 0;  ///< from whom, or to whom
  ChunkReference chunk;
  bool operator==(const Referral&) const = default;
};

Bytes encode_preface(const Preface& preface);
/// Its tokenizer is not copied: a hub tells it to all workers at once. A charter of more than
/// kCharterBytesMax fails a check.
MessagePieces encode_charter(const Charter& charter);
Bytes encode_refusal(const Refusal& refusal);
Bytes encode_referral(const Referral& referral);
/// Any bytes are safe: Fault::kCorrupt.
Result<Preface> decode_preface(ByteSpan bytes);
Result<Charter> decode_charter(ByteSpan bytes);
Result<Refusal> decode_refusal(ByteSpan bytes);
Result<Referral> decode_referral(ByteSpan bytes);

}  // namespace causeway

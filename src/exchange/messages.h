// SPDX-License-Identifier: Apache-2.0
//
// What workers and the hub say to each other. Plain structs with one bounded, versioned encoding;
// whatever carries them carries exactly these. Every message may be lost, doubled, late or out of
// order: docs/protocol.md says why each is harmless then.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "core/error.h"
#include "core/hash.h"
#include "core/shared_bytes.h"
#include "sync/channel.h"
#include "sync/exchange.h"

namespace causeway {

inline constexpr uint8_t kProtocolVersion = 1;
inline constexpr size_t kTextBytesMax = 512;               ///< of a reason, a build, a token
inline constexpr size_t kParcelsMax = 4096;                ///< channels of a round
inline constexpr size_t kChunkBytesMax = size_t{1} << 20;  ///< of one Chunk
inline constexpr size_t kMessageBytesMax = kChunkBytesMax + 4096;

/// One channel's encoded signal, by its digest.
struct Parcel {
  int32_t channel = 0;
  int64_t weight = 1;
  Digest digest;
  int64_t bytes = 0;
  bool operator==(const Parcel&) const = default;
};

// ---- From a worker.

/// Asks for admission. Repeated until it is answered.
struct Hello {
  uint64_t incarnation = 0;  ///< new for every attempt: a repeated Hello gets the same answer
  Digest plan, layout;
  Digest genesis;  ///< of the state before the first step, which all members share
  std::string build, token;
  int64_t applied = 0;  ///< last round that its own state has applied; -1: it has no state
};
/// A whole offer, or why there is none. Its bytes follow as chunks.
struct OfferReady {
  int64_t round = 0;
  int32_t stage = 0;
  int64_t step = 0;
  Hook hook = Hook::kAfterUpdate;
  std::vector<Parcel> parcels;
  std::string declined;
};
/// Bytes of a blob: an offer upwards; a result, a snapshot downwards.
struct Chunk {
  Digest blob;
  int64_t offset = 0;
  SharedBytes bytes;
};
/// Asks for bytes of a blob.
struct Get {
  Digest blob;
  int64_t offset = 0, bytes_max = 0;
};
/// Asks what was decided after this round.
struct Ask {
  int64_t after = 0;
};
/// A sign of life, and an audit.
struct Progress {
  int64_t applied = 0;  ///< all rounds up to this one are
  int64_t settled = 0;  ///< the round applied last: a delayed one may come after its successor
  Digest replicated;    ///< of the replicated states after that
  int64_t step = 0;     ///< finished
  int64_t tokens = 0;   ///< trained
  double loss = 0;      ///< nats per token of that step; 0: not known. For people
};
/// Leaves on purpose.
struct Leave {
  std::string reason;
};

// ---- From the hub.

/// The worker is a member, under the epoch of this message.
struct Welcome {
  uint64_t incarnation = 0;  ///< which Hello this answers
  int64_t decided = 0;       ///< last round that is decided
  int64_t offer_from = 1;    ///< first round that it may offer in
  Digest snapshot;           ///< to start from, if its own state is too old; else 0 bytes
  int64_t snapshot_bytes = 0;
  int64_t lease_ms = 0;  ///< it must be heard within
  int64_t chunk_bytes = 0, window_bytes = 0;
  /// Rounds from offer_from to this one count its offers, which it makes again: it went back to a
  /// state before them. Below offer_from: there are none.
  int64_t counted = 0;
};
/// No admission; do not ask again.
struct Refused {
  uint64_t incarnation = 0;
  Fault fault = Fault::kRefused;
  std::string reason;
};
/// So much of a blob is on the hub's disk: go on from there.
struct ChunkHeld {
  Digest blob;
  int64_t durable = 0;
};
/// The whole offer is durable and checked. It need not be sent again.
struct OfferHeld {
  int64_t round = 0;
  int32_t stage = 0;
};
/// The offer does not count. Offer again from round `offer_from` on, follow until then.
struct OfferRefused {
  int64_t round = 0;
  int32_t stage = 0;
  Fault fault = Fault::kTimeout;
  std::string reason;
  int64_t offer_from = 0;
};
/// The round's one result.
struct Decision {
  int64_t round = 0;
  bool committed = false;
  Digest blob;  ///< encode_commit, if committed
  int64_t bytes = 0;
  std::string reason;   ///< if aborted
  int64_t decided = 0;  ///< last round that is decided by now
};
/// Send this blob (again) from `offset` on.
struct Want {
  Digest blob;
  int64_t offset = 0;
};
/// This epoch is over. Say Hello again; with your own state only if `keep_state`.
struct Fenced {
  std::string reason;
  bool keep_state = true;
};

using Body = std::variant<Hello, OfferReady, Chunk, Get, Ask, Progress, Leave, Welcome, Refused,
                          ChunkHeld, OfferHeld, OfferRefused, Decision, Want, Fenced>;

struct Message {
  uint64_t run = 0;     ///< 0: not known yet
  int64_t epoch = 0;    ///< the worker's admission; 0: none yet
  WorkerId worker = 0;  ///< from whom, or to whom
  Body body;
};

std::string_view message_name(const Body& body);

Bytes encode_message(const Message& message);
/// The same bytes in three pieces, so that a chunk's need not be copied.
struct MessagePieces {
  Bytes head;
  SharedBytes body;
  Bytes tail;
  size_t size() const { return head.size() + static_cast<size_t>(body.size()) + tail.size(); }
  /// A copy in one piece.
  Bytes joined() const;
};
MessagePieces encode_pieces(const Message& message);
/// Any bytes are safe. Fault::kRefused if they are of another version; Fault::kCorrupt if they are
/// no message, break a bound, or changed on the way (a CRC-32C ends every message).
Result<Message> decode_message(ByteSpan bytes);
/// A chunk's bytes then are those of `frame`, shared.
Result<Message> decode_message(const std::shared_ptr<const Bytes>& frame);

}  // namespace causeway

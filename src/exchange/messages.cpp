// SPDX-License-Identifier: Apache-2.0
#include "exchange/messages.h"

#include "core/fields.h"
#include "core/memory.h"
#include "exchange/message_fields.h"

namespace causeway {

std::string_view message_name(const Body& body) {
  static constexpr std::string_view kNames[] = {
      "hello",      "offer_ready",   "chunk",    "get",     "ask",
      "progress",   "leave",         "welcome",  "refused", "chunk_held",
      "offer_held", "offer_refused", "decision", "want",    "fenced"};
  static_assert(std::size(kNames) == std::variant_size_v<Body>);
  return kNames[body.index()];
}

Bytes encode_message(const Message& message) {
  Bytes bytes;
  FieldWriter writer(bytes);
  writer(kProtocolVersion);
  writer(message);
  writer(crc32c(bytes));
  CW_CHECK(bytes.size() <= kMessageBytesMax || std::holds_alternative<OfferReady>(message.body),
           "a {} of {} bytes", message_name(message.body), bytes.size());
  return bytes;
}

Result<Message> decode_message(ByteSpan bytes) {
  if (bytes.size() > kMessageBytesMax)
    return failure(Fault::kCorrupt, "a message of {} bytes; wanted at most {}", bytes.size(),
                   kMessageBytesMax);
  if (bytes.size() < 1 + sizeof(uint32_t))
    return failure(Fault::kCorrupt, "a message of {} bytes", bytes.size());
  if (const auto version = static_cast<uint8_t>(bytes.front()); version != kProtocolVersion)
    return failure(Fault::kRefused, "a message of protocol version {}; this program speaks {}",
                   version, kProtocolVersion);
  const ByteSpan covered = bytes.first(bytes.size() - sizeof(uint32_t));
  if (read_fields<uint32_t>(bytes.subspan(covered.size())).value() != crc32c(covered))
    return failure(Fault::kCorrupt, "a message whose checksum does not match");
  auto message = read_fields<Message>(covered.subspan(1));
  if (!message) return message.error();
  if (message->worker < 0) return failure(Fault::kCorrupt, "worker {}", message->worker);
  if (const auto* offer = std::get_if<OfferReady>(&message->body);
      offer != nullptr && offer->parcels.size() > kParcelsMax)
    return failure(Fault::kCorrupt, "an offer of {} parcels", offer->parcels.size());
  if (const auto* chunk = std::get_if<Chunk>(&message->body);
      chunk != nullptr && static_cast<size_t>(chunk->bytes.size()) > kChunkBytesMax)
    return failure(Fault::kCorrupt, "a chunk of {} bytes", chunk->bytes.size());
  return message;
}

Bytes encode_commit(const Commit& commit) {
  // At once: bytes that grow are there twice while they move.
  constexpr size_t kAround = 64;
  size_t bytes_max = kAround;
  for (const ChannelResult& result : commit.results)
    bytes_max += kAround + result.members.size() * sizeof(Member) + result.bytes.size();
  Bytes bytes;
  reserve_large(bytes, bytes_max);
  FieldWriter writer(bytes);
  writer(commit);
  return bytes;
}
Result<Commit> decode_commit(ByteSpan bytes) { return read_fields<Commit>(bytes); }

}  // namespace causeway

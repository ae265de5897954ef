// SPDX-License-Identifier: Apache-2.0
#include "exchange/messages.h"

#include <cstring>

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

// A chunk is the last field of its message: all before its bytes is the head.
Bytes MessagePieces::joined() const {
  Bytes out;
  out.reserve(size());
  out.insert(out.end(), head.begin(), head.end());
  out.insert(out.end(), body.view().begin(), body.view().end());
  out.insert(out.end(), tail.begin(), tail.end());
  return out;
}

MessagePieces encode_pieces(const Message& message) {
  const auto* chunk = std::get_if<Chunk>(&message.body);
  if (chunk == nullptr) return {encode_message(message), {}, {}};
  MessagePieces out;
  FieldWriter head(out.head), tail(out.tail);
  Message empty = message;
  std::get<Chunk>(empty.body).bytes = {};
  head(kProtocolVersion);
  head(empty);
  out.body = chunk->bytes;
  const auto size = static_cast<uint32_t>(out.body.size());
  std::memcpy(out.head.data() + out.head.size() - sizeof(size), &size, sizeof(size));
  tail(crc32c(out.body.view(), crc32c(out.head)));
  return out;
}

namespace {

Result<Message> decode(ByteSpan bytes, const std::shared_ptr<const Bytes>& owner) {
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
  Message message;
  FieldReader reader(covered.subspan(1), owner);
  reader(message);
  CW_TRY(reader.finish());
  if (message.worker < 0) return failure(Fault::kCorrupt, "worker {}", message.worker);
  if (const auto* offer = std::get_if<OfferReady>(&message.body);
      offer != nullptr && offer->parcels.size() > kParcelsMax)
    return failure(Fault::kCorrupt, "an offer of {} parcels", offer->parcels.size());
  if (const auto* chunk = std::get_if<Chunk>(&message.body);
      chunk != nullptr && static_cast<size_t>(chunk->bytes.size()) > kChunkBytesMax)
    return failure(Fault::kCorrupt, "a chunk of {} bytes", chunk->bytes.size());
  return message;
}

}  // namespace

Result<Message> decode_message(ByteSpan bytes) { return decode(bytes, nullptr); }
Result<Message> decode_message(const std::shared_ptr<const Bytes>& frame) {
  return decode(*frame, frame);
}

}  // namespace causeway

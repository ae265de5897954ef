// SPDX-License-Identifier: Apache-2.0
#include "net/frame.h"

#include <concepts>

#include "core/fields.h"
#include "exchange/message_fields.h"

namespace causeway {

static void each_field(auto&& visit, Is<Preface> auto& s) {
  visit(s.magic), visit(s.protocol), visit(s.worker), visit(s.version), visit(s.token);
  visit(s.store);
}
static void each_field(auto&& visit, Is<Charter> auto& s) {
  visit(s.run), visit(s.site), visit(s.recipe), visit(s.tokenizer), visit(s.plan);
  visit(s.layout), visit(s.genesis), visit(s.weights), visit(s.store);
}
static void each_field(auto&& visit, Is<Refusal> auto& s) { visit(s.fault), visit(s.reason); }

namespace {

constexpr size_t kReferralBytes =
    sizeof(Referral::run) + sizeof(Referral::epoch) + sizeof(Referral::worker) + kReferenceBytes;

/// Most bytes of a payload; 0: no such kind.
size_t length_max(FrameKind kind) {
  switch (kind) {
    case FrameKind::kPreface:
    case FrameKind::kRefusal:
      return 4096;
    case FrameKind::kCharter:
      return kCharterBytesMax;
    case FrameKind::kMessage:
      return kMessageBytesMax;
    case FrameKind::kPing:
    case FrameKind::kPong:
      return sizeof(uint64_t);
    case FrameKind::kReference:
    case FrameKind::kMissing:
      return kReferralBytes;
  }
  return 0;
}

}  // namespace

std::array<std::byte, kFrameHeadBytes> encode_frame_head(const FrameHead& head) {
  const size_t most = length_max(head.kind);
  CW_CHECK(most > 0 && head.length <= most, "a frame of kind {} with {} bytes",
           static_cast<int>(head.kind), head.length);
  std::array<std::byte, kFrameHeadBytes> out{};
  out[0] = static_cast<std::byte>(head.kind);
  std::memcpy(out.data() + 1, &head.length, sizeof(head.length));
  return out;
}

Result<FrameHead> decode_frame_head(ByteSpan bytes) {
  CW_CHECK(bytes.size() == kFrameHeadBytes);
  FrameHead head;
  head.kind = static_cast<FrameKind>(bytes[0]);
  std::memcpy(&head.length, bytes.data() + 1, sizeof(head.length));
  const size_t most = length_max(head.kind);
  if (most == 0)
    return failure(Fault::kCorrupt, "a frame of kind {}; wanted: 1 to 8",
                   static_cast<int>(bytes[0]));
  if (head.length > most)
    return failure(Fault::kCorrupt, "a frame of kind {} with {} bytes; wanted: at most {}",
                   static_cast<int>(bytes[0]), head.length, most);
  return head;
}

Bytes encode_preface(const Preface& preface) { return write_fields(preface); }
MessagePieces encode_charter(const Charter& charter) {
  MessagePieces out;
  FieldWriter head(out.head);
  head(charter.run), head(charter.site), head(charter.recipe);
  head(static_cast<uint32_t>(charter.tokenizer.size()));
  out.body = charter.tokenizer;
  FieldWriter tail(out.tail);
  tail(charter.plan), tail(charter.layout), tail(charter.genesis), tail(charter.weights);
  tail(charter.store);
  CW_CHECK(out.size() <= kCharterBytesMax, "a charter of {} bytes", out.size());
  return out;
}
Bytes encode_refusal(const Refusal& refusal) { return write_fields(refusal); }
Bytes encode_referral(const Referral& referral) {
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.put(referral.run);
  writer.put(referral.epoch);
  writer.put(referral.worker);
  writer.put(encode_reference(referral.chunk));
  return bytes;
}

Result<Preface> decode_preface(ByteSpan bytes) { return read_fields<Preface>(bytes); }
Result<Charter> decode_charter(ByteSpan bytes) { return read_fields<Charter>(bytes); }
Result<Refusal> decode_refusal(ByteSpan bytes) { return read_fields<Refusal>(bytes); }

Result<Referral> decode_referral(ByteSpan bytes) {
  if (bytes.size() != kReferralBytes)
    return failure(Fault::kCorrupt, "a reference of {} bytes; wanted: {}", bytes.size(),
                   kReferralBytes);
  ByteReader reader(bytes);
  Referral referral;
  CW_ASSIGN(referral.run, reader.get<uint64_t>());
  CW_ASSIGN(referral.epoch, reader.get<int64_t>());
  CW_ASSIGN(referral.worker, reader.get<WorkerId>());
  if (referral.worker < 0) return failure(Fault::kCorrupt, "worker {}", referral.worker);
  CW_ASSIGN(referral.chunk, decode_reference(bytes.last(kReferenceBytes)));
  return referral;
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "codec/packer.h"

namespace causeway {
namespace {

constexpr uint8_t kPlain = 0, kPacked = 1;

}  // namespace

void append_packed(const Packer& packer, ByteSpan plain, const PlainForm& form, Bytes& bytes) {
  CW_CHECK(plain.size() >= form.head, "{} bytes with a head of {}", plain.size(), form.head);
  const size_t start = bytes.size();
  ByteWriter writer(bytes);
  writer.put(kPacked);
  writer.put(plain.first(form.head));
  writer.put(static_cast<uint32_t>(plain.size() - form.head));
  packer.pack(plain.subspan(form.head), form.width, bytes);
  if (bytes.size() - start <= plain.size()) return;
  bytes.resize(start);
  writer.put(kPlain);
  writer.put(plain);
}

Result<ByteSpan> unpacked(const Packer& packer, ByteSpan bytes, const PlainForm& form, size_t most,
                          Bytes& memory) {
  ByteReader reader(bytes);
  CW_ASSIGN(const uint8_t kind, reader.get<uint8_t>());
  if (kind == kPlain) return reader.take(reader.left());
  if (kind != kPacked)
    return failure(Fault::kCorrupt, "packed bytes: got kind {}; wanted: {} or {}", kind, kPlain,
                   kPacked);
  CW_ASSIGN(const ByteSpan head, reader.take(form.head));
  CW_ASSIGN(const uint32_t size, reader.get<uint32_t>());
  if (size > most || head.size() > most - size)
    return failure(Fault::kCorrupt, "packed bytes: they claim to be {}; wanted: at most {}", size,
                   most);
  memory.resize(head.size() + size);
  std::copy(head.begin(), head.end(), memory.begin());
  CW_ASSIGN(const ByteSpan packed, reader.take(reader.left()));
  CW_TRY(packer.unpack(packed, form.width, std::span(memory).subspan(head.size())));
  return ByteSpan(memory);
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "codec/indices.h"

#include <algorithm>
#include <bit>

#include "codec/bits.h"
#include "codec/draws.h"

namespace causeway {
namespace {

constexpr uint8_t kRiceMax = 14, kBitmapKind = 32, kRawKind = 33, kDrawnKind = 34;

// floor(ln 2 * values): Rice's parameter is the greatest for which count * 2^parameter is not more.
size_t rice_limit(size_t values) { return (values * 45'426) >> 16; }

int rice_parameter(size_t values, size_t count) {
  const size_t ratio = rice_limit(values) / count;
  return ratio == 0 ? 0 : std::min<int>(std::bit_width(ratio) - 1, kRiceMax);
}

// The quotients of all gaps add up to no more than that of all values that are not sent.
int64_t rice_bits_max(int64_t values, int64_t count, int parameter) {
  return count * (1 + parameter) + ((values - count) >> parameter);
}

int64_t rice_bytes_max(int64_t values, int64_t count) {
  if (count == 0) return 0;
  int64_t most = 0;
  // For every parameter that so many values or fewer may have, the most values that have it.
  for (int parameter = rice_parameter(static_cast<size_t>(values), static_cast<size_t>(count));
       parameter <= kRiceMax; ++parameter) {
    const auto limit = static_cast<int64_t>(rice_limit(static_cast<size_t>(values)));
    const int64_t such = parameter == 0 ? count : std::min(count, limit >> parameter);
    if (such > 0) most = std::max(most, rice_bits_max(values, such, parameter));
  }
  return (most + 7) / 8;
}

size_t rice_bytes(std::span<const uint16_t> indices, int parameter) {
  size_t bits = indices.size() * static_cast<size_t>(1 + parameter), next = 0;
  for (const uint16_t index : indices) {
    bits += (index - next) >> parameter;
    next = size_t{index} + 1;
  }
  return (bits + 7) / 8;
}

void write_rice(std::span<const uint16_t> indices, int parameter, Bytes& bytes) {
  BitWriter writer(bytes);
  uint32_t next = 0;
  for (const uint16_t index : indices) {
    const uint32_t gap = index - next;
    writer.put_unary(gap >> parameter);
    writer.put(gap & ((uint32_t{1} << parameter) - 1), parameter);
    next = uint32_t{index} + 1;
  }
  writer.finish();
}

void write_bitmap(std::span<const uint16_t> indices, size_t values, Bytes& bytes) {
  const size_t start = bytes.size();
  bytes.resize(start + (values + 7) / 8);
  for (const uint16_t index : indices)
    bytes[start + index / 8] |= static_cast<std::byte>(1u << (index % 8));
}

Error out_of_range(size_t index, size_t values) {
  return failure(Fault::kCorrupt, "indices: got {}; wanted: below {}, ascending", index, values);
}

Result<size_t> read_rice(ByteSpan bytes, size_t values, int parameter, Selection& selection) {
  BitReader reader(bytes);
  size_t next = 0;
  for (size_t i = 0; i < selection.count; ++i) {
    const size_t quotient = reader.get_unary(static_cast<uint32_t>(values >> parameter));
    const size_t index = next + (quotient << parameter) + reader.get(parameter);
    if (index >= values) return out_of_range(index, values);
    selection.indices[i] = static_cast<uint16_t>(index);
    next = index + 1;
  }
  if (reader.valid()) return reader.bytes();
  return failure(Fault::kCorrupt, "indices: {} bytes do not end where {} Rice codes do",
                 bytes.size(), selection.count);
}

Result<size_t> read_bitmap(ByteSpan bytes, size_t values, Selection& selection) {
  const size_t size = (values + 7) / 8;
  if (bytes.size() < size)
    return failure(Fault::kCorrupt, "indices: got {} bytes; wanted: a bit for each of {} values",
                   bytes.size(), values);
  size_t found = 0;
  for (size_t byte = 0; byte < size; ++byte)
    for (auto bits = static_cast<uint32_t>(bytes[byte]); bits != 0; bits &= bits - 1) {
      const size_t index = 8 * byte + static_cast<size_t>(std::countr_zero(bits));
      if (index >= values) return out_of_range(index, values);
      if (found < selection.count) selection.indices[found] = static_cast<uint16_t>(index);
      ++found;
    }
  if (found == selection.count) return size;
  return failure(Fault::kCorrupt, "indices: got {} bits that are set; wanted: {}", found,
                 selection.count);
}

Result<size_t> read_raw(ByteSpan bytes, size_t values, Selection& selection) {
  if (bytes.size() / 2 < selection.count)
    return failure(Fault::kCorrupt, "indices: got {} bytes; wanted: 2 for each of {}", bytes.size(),
                   selection.count);
  std::memcpy(selection.indices.data(), bytes.data(), 2 * selection.count);
  size_t next = 0;
  for (const uint16_t index : selection.view()) {
    if (index < next || index >= values) return out_of_range(index, values);
    next = size_t{index} + 1;
  }
  return 2 * selection.count;
}

Result<size_t> read_drawn(ByteSpan bytes, size_t values, Selection& selection) {
  ByteReader reader(bytes);
  CW_ASSIGN(selection.seed, reader.get<uint64_t>());
  selection.drawn = true;
  draw_positions(selection.seed, values, selection.count, selection.indices);
  return sizeof(selection.seed);
}

Result<size_t> read_kind(ByteSpan bytes, size_t values, uint8_t kind, Selection& selection) {
  if (kind <= kRiceMax) return read_rice(bytes, values, kind, selection);
  if (kind == kBitmapKind) return read_bitmap(bytes, values, selection);
  if (kind == kRawKind) return read_raw(bytes, values, selection);
  if (kind == kDrawnKind) return read_drawn(bytes, values, selection);
  return failure(Fault::kCorrupt, "indices: got kind {}; wanted: 0 to {}, or {} to {}", kind,
                 kRiceMax, kBitmapKind, kDrawnKind);
}

}  // namespace

void write_indices(const Selection& selection, size_t values, IndexCoding coding, Bytes& bytes) {
  ByteWriter writer(bytes);
  writer.put(static_cast<uint16_t>(selection.count));
  if (selection.count == 0) return;
  if (selection.drawn) {
    writer.put(kDrawnKind);
    return writer.put(selection.seed);
  }
  const auto indices = selection.view();
  const int parameter = rice_parameter(values, indices.size());
  if (coding == IndexCoding::kAuto)
    coding = rice_bytes(indices, parameter) < (values + 7) / 8 ? IndexCoding::kRice
                                                               : IndexCoding::kBitmap;
  switch (coding) {
    case IndexCoding::kRice:
      writer.put(static_cast<uint8_t>(parameter));
      return write_rice(indices, parameter, bytes);
    case IndexCoding::kRaw:
      writer.put(kRawKind);
      return writer.put(std::as_bytes(indices));
    default:
      writer.put(kBitmapKind);
      return write_bitmap(indices, values, bytes);
  }
}

Result<size_t> read_indices(ByteSpan bytes, size_t values, Selection& selection) {
  ByteReader reader(bytes);
  CW_ASSIGN(selection.count, reader.get<uint16_t>());
  if (selection.count == 0) return sizeof(uint16_t);
  if (selection.count > values)
    return failure(Fault::kCorrupt, "indices: got {} of {} values", selection.count, values);
  CW_ASSIGN(const uint8_t kind, reader.get<uint8_t>());
  constexpr size_t kHead = sizeof(uint16_t) + sizeof(kind);
  CW_ASSIGN(const size_t size, read_kind(bytes.subspan(kHead), values, kind, selection));
  return kHead + size;
}

int64_t index_bytes_max(int64_t values, int64_t count, IndexCoding coding) {
  if (count == 0) return 2;
  const int64_t bitmap = (values + 7) / 8;
  switch (coding) {
    case IndexCoding::kRaw:
      return 3 + 2 * count;
    case IndexCoding::kBitmap:
      return 3 + bitmap;
    case IndexCoding::kRice:
      return 3 + rice_bytes_max(values, count);
    case IndexCoding::kAuto:
      break;
  }
  return 3 + std::min(bitmap, rice_bytes_max(values, count));
}

}  // namespace causeway

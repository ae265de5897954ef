// SPDX-License-Identifier: Apache-2.0
//
// Canonical Huffman codes of bytes (Huffman, "A Method for the Construction of Minimum-Redundancy
// Codes", 1952), at most 12 bits long. The packed form of bytes from `first` to `last` is
//   u8 first | u8 last | 4 bits for each byte of that range, the first in the low half: the length
//   of its code, 0 if it does not occur | the codes, the highest bit first.
// Codes of one length ascend with the byte, and follow the shorter ones. They must be complete: the
// only exception is a single byte, whose code is one bit.
#include <algorithm>
#include <array>
#include <numeric>

#include "codec/bits.h"
#include "codec/packer.h"

namespace causeway {
namespace {

constexpr int kLengthMax = 12;
using CodeLengths = std::array<uint8_t, 256>;
using Counts = std::array<uint64_t, 256>;

/// Lengths of the optimal codes without a limit; returns the longest.
int lengths_of_counts(const Counts& counts, CodeLengths& lengths) {
  struct Node {
    uint64_t count;
    int parent;
  };
  std::array<int, 256> order{};
  int leaves = 0;
  for (int byte = 0; byte < 256; ++byte)
    if (counts[static_cast<size_t>(byte)] > 0) order[static_cast<size_t>(leaves++)] = byte;
  std::stable_sort(order.begin(), order.begin() + leaves, [&](int a, int b) {
    return counts[static_cast<size_t>(a)] < counts[static_cast<size_t>(b)];
  });
  lengths = {};
  if (leaves == 1) return lengths[static_cast<size_t>(order[0])] = 1;

  // Leaves ascend, and so do inner nodes as they are made: two queues.
  std::array<Node, 511> nodes{};
  for (int i = 0; i < leaves; ++i)
    nodes[static_cast<size_t>(i)] = {counts[static_cast<size_t>(order[static_cast<size_t>(i)])], 0};
  int leaf = 0, inner = leaves;
  for (int made = leaves; made < 2 * leaves - 1; ++made) {
    uint64_t sum = 0;
    for (int child = 0; child < 2; ++child) {
      const bool take_leaf =
          leaf < leaves && (inner == made || nodes[static_cast<size_t>(leaf)].count <=
                                                 nodes[static_cast<size_t>(inner)].count);
      Node& node = nodes[static_cast<size_t>(take_leaf ? leaf++ : inner++)];
      sum += node.count;
      node.parent = made;
    }
    nodes[static_cast<size_t>(made)] = {sum, 0};
  }
  std::array<int, 511> depth{};
  int longest = 0;
  for (int i = 2 * leaves - 3; i >= 0; --i) {
    const auto at = static_cast<size_t>(i);
    depth[at] = depth[static_cast<size_t>(nodes[at].parent)] + 1;
    if (i >= leaves) continue;
    lengths[static_cast<size_t>(order[at])] = static_cast<uint8_t>(std::min(depth[at], 255));
    longest = std::max(longest, depth[at]);
  }
  return longest;
}

/// Evens the counts out until the codes are short enough: with all counts 1 they have 8 bits.
CodeLengths limited_lengths(Counts counts) {
  CodeLengths lengths{};
  while (lengths_of_counts(counts, lengths) > kLengthMax)
    for (uint64_t& count : counts) count = (count + 1) / 2;
  return lengths;
}

/// The code of each byte, or nothing if the lengths are not those of complete codes.
bool codes_of(const CodeLengths& lengths, std::array<uint16_t, 256>& codes) {
  uint32_t next = 0, bytes = 0;
  for (int length = 1; length <= kLengthMax; ++length) {
    for (size_t byte = 0; byte < 256; ++byte) {
      if (lengths[byte] != length) continue;
      codes[byte] = static_cast<uint16_t>(next++);
      ++bytes;
      if (next > uint32_t{1} << length) return false;
    }
    next <<= 1;
  }
  const bool complete = next == uint32_t{2} << kLengthMax;
  return complete || (bytes == 1 && next == uint32_t{1} << kLengthMax);
}

void write_lengths(const CodeLengths& lengths, Bytes& bytes) {
  size_t first = 0, last = 255;
  while (lengths[first] == 0) ++first;
  while (lengths[last] == 0) --last;
  ByteWriter writer(bytes);
  writer.put(static_cast<uint8_t>(first));
  writer.put(static_cast<uint8_t>(last));
  for (size_t byte = first; byte <= last; byte += 2) {
    const int high = byte < last ? lengths[byte + 1] : 0;
    writer.put(static_cast<uint8_t>(lengths[byte] | (high << 4)));
  }
}

Result<CodeLengths> read_lengths(ByteReader& reader) {
  CW_ASSIGN(const uint8_t first, reader.get<uint8_t>());
  CW_ASSIGN(const uint8_t last, reader.get<uint8_t>());
  if (first > last) return failure(Fault::kCorrupt, "huffman: bytes from {} to {}", first, last);
  CW_ASSIGN(const ByteSpan packed, reader.take((size_t{last} - first + 2) / 2));
  CodeLengths lengths{};
  for (size_t i = 0; i < packed.size(); ++i) {
    const auto pair = static_cast<uint8_t>(packed[i]);
    lengths[first + 2 * i] = pair & 15;
    if (first + 2 * i < last)
      lengths[first + 2 * i + 1] = pair >> 4;
    else if (pair >> 4 != 0)
      return failure(Fault::kCorrupt, "huffman: the last half byte is {}; wanted: 0", pair >> 4);
  }
  if (*std::max_element(lengths.begin(), lengths.end()) > kLengthMax || lengths[first] == 0 ||
      lengths[last] == 0)
    return failure(Fault::kCorrupt, "huffman: a code of {} bits, or none at an end",
                   *std::max_element(lengths.begin(), lengths.end()));
  return lengths;
}

/// What the next 12 bits begin with: a byte, and the length of its code.
struct Found {
  uint8_t byte = 0, length = 0;
};
using FoundTable = std::array<Found, size_t{1} << kLengthMax>;

void fill_table(const CodeLengths& lengths, const std::array<uint16_t, 256>& codes,
                FoundTable& table) {
  for (size_t byte = 0; byte < 256; ++byte) {
    const int length = lengths[byte];
    if (length == 0) continue;
    const size_t start = size_t{codes[byte]} << (kLengthMax - length);
    std::fill_n(table.begin() + static_cast<int64_t>(start), size_t{1} << (kLengthMax - length),
                Found{static_cast<uint8_t>(byte), static_cast<uint8_t>(length)});
  }
}

class Huffman final : public Packer {
 public:
  using Options = NoOptions;
  explicit Huffman(const Options&) {}

  void pack(ByteSpan plain, size_t, Bytes& bytes) const override {
    if (plain.empty()) return;
    Counts counts{};
    for (const std::byte byte : plain) ++counts[static_cast<size_t>(byte)];
    const CodeLengths lengths = limited_lengths(counts);
    std::array<uint16_t, 256> codes{};
    CW_CHECK(codes_of(lengths, codes));
    write_lengths(lengths, bytes);
    BitWriter writer(bytes);
    for (const std::byte byte : plain)
      writer.put(codes[static_cast<size_t>(byte)], lengths[static_cast<size_t>(byte)]);
    writer.finish();
  }

  Result<void> unpack(ByteSpan bytes, size_t, std::span<std::byte> plain) const override {
    ByteReader reader(bytes);
    if (plain.empty()) return end(reader.left() == 0);
    CW_ASSIGN(const CodeLengths lengths, read_lengths(reader));
    std::array<uint16_t, 256> codes{};
    if (!codes_of(lengths, codes))
      return failure(Fault::kCorrupt, "huffman: the lengths are not those of complete codes");
    FoundTable table{};
    fill_table(lengths, codes, table);
    CW_ASSIGN(const ByteSpan rest, reader.take(reader.left()));
    BitReader bits(rest);
    for (std::byte& byte : plain) {
      const Found found = table[bits.peek(kLengthMax)];
      if (found.length == 0) return end(false);
      byte = static_cast<std::byte>(found.byte);
      bits.skip(found.length);
    }
    return end(bits.valid() && bits.bytes() == rest.size());
  }

 private:
  static Result<void> end(bool right) {
    if (right) return {};
    return failure(Fault::kCorrupt, "huffman: the bytes do not end where the codes do");
  }
};

}  // namespace

extern const Entry<Packer> packers_huffman;
const Entry<Packer> packers_huffman =
    entry<Packer, Huffman>("huffman", "Huffman codes of bytes, for few distinct codes");

}  // namespace causeway

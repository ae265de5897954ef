// SPDX-License-Identifier: Apache-2.0
//
// Byte planes of floats: the exponents of near values are alike, their fractions are noise. Each
// value of 2 or 4 bytes is turned left by one bit, which puts its sign last and its exponent into
// the highest byte; then
//   the lowest bytes of all values | the next ones | ... | the highest bytes as one zstd frame.
#include <bit>

#include "codec/packer.h"
#include "codec/zstd_bytes.h"

namespace causeway {
namespace {

template <class Word>
void split_planes(ByteSpan plain, std::byte* low, std::byte* high) {
  const size_t count = plain.size() / sizeof(Word);
  for (size_t i = 0; i < count; ++i) {
    Word word;
    std::memcpy(&word, plain.data() + i * sizeof(Word), sizeof(Word));
    word = std::rotl(word, 1);
    for (size_t plane = 0; plane + 1 < sizeof(Word); ++plane)
      low[plane * count + i] = static_cast<std::byte>(word >> (8 * plane));
    high[i] = static_cast<std::byte>(word >> (8 * (sizeof(Word) - 1)));
  }
}

template <class Word>
void join_planes(const std::byte* low, const std::byte* high, std::span<std::byte> plain) {
  const size_t count = plain.size() / sizeof(Word);
  for (size_t i = 0; i < count; ++i) {
    auto word = static_cast<Word>(static_cast<Word>(high[i]) << (8 * (sizeof(Word) - 1)));
    for (size_t plane = 0; plane + 1 < sizeof(Word); ++plane)
      word = static_cast<Word>(word | static_cast<Word>(low[plane * count + i]) << (8 * plane));
    word = std::rotr(word, 1);
    std::memcpy(plain.data() + i * sizeof(Word), &word, sizeof(Word));
  }
}

class Planes final : public Packer {
 public:
  struct Options {
    int64_t level = -7;
    template <class Visit>
    void each(Visit&& visit) {
      visit("level", level, Range<int64_t>{kZstdLevelMin, kZstdLevelMax}, "",
            "zstd's level on the exponents: the higher, the smaller and the slower.");
    }
  };
  explicit Planes(const Options& options) : level_(static_cast<int>(options.level)) {}

  bool wants_width() const override { return true; }

  void pack(ByteSpan plain, size_t width, Bytes& bytes) const override {
    CW_CHECK((width == 2 || width == 4) && plain.size() % width == 0, "{} bytes of {} each",
             plain.size(), width);
    const size_t count = plain.size() / width, start = bytes.size();
    bytes.resize(start + plain.size() - count);
    Bytes high(count);
    if (width == 2)
      split_planes<uint16_t>(plain, bytes.data() + start, high.data());
    else
      split_planes<uint32_t>(plain, bytes.data() + start, high.data());
    append_zstd(high, level_, bytes);
  }

  Result<void> unpack(ByteSpan bytes, size_t width, std::span<std::byte> plain) const override {
    const size_t count = plain.size() / width;
    if (plain.size() % width != 0)
      return failure(Fault::kCorrupt, "planes: got {} bytes; wanted: {} for each value",
                     plain.size(), width);
    ByteReader reader(bytes);
    CW_ASSIGN(const ByteSpan low, reader.take(plain.size() - count));
    CW_ASSIGN(const ByteSpan packed, reader.take(reader.left()));
    Bytes high(count);
    CW_TRY(read_zstd(packed, high));
    if (width == 2)
      join_planes<uint16_t>(low.data(), high.data(), plain);
    else
      join_planes<uint32_t>(low.data(), high.data(), plain);
    return {};
  }

 private:
  int level_;
};

}  // namespace

extern const Entry<Packer> packers_planes;
const Entry<Packer> packers_planes =
    entry<Packer, Planes>("planes", "exponents apart, through zstd; after fp32, bf16 or fp16");

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
//
// The bytes as one zstd frame. Lower levels are faster; those below 0 skip most of the search for
// repetitions, which numbers seldom have.
#include "codec/packer.h"
#include "codec/zstd_bytes.h"

namespace causeway {
namespace {

class ZstdPacker final : public Packer {
 public:
  struct Options {
    int64_t level = 1;
    template <class Visit>
    void each(Visit&& visit) {
      visit("level", level, Range<int64_t>{kZstdLevelMin, kZstdLevelMax}, "",
            "zstd's level: the higher, the smaller and the slower.");
    }
  };
  explicit ZstdPacker(const Options& options) : level_(static_cast<int>(options.level)) {}

  void pack(ByteSpan plain, size_t, Bytes& bytes) const override {
    append_zstd(plain, level_, bytes);
  }
  Result<void> unpack(ByteSpan bytes, size_t, std::span<std::byte> plain) const override {
    return read_zstd(bytes, plain);
  }

 private:
  int level_;
};

}  // namespace

extern const Entry<Packer> packers_zstd;
const Entry<Packer> packers_zstd =
    entry<Packer, ZstdPacker>("zstd", "zstd on the codes of a block");

}  // namespace causeway

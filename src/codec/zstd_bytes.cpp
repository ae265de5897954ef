// SPDX-License-Identifier: Apache-2.0
#include "codec/zstd_bytes.h"

#include <zstd.h>

#include <memory>

namespace causeway {
namespace {

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ::ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ::ZSTD_freeDCtx(context); }
};

// One for each thread: to make one takes as long as to pack a block. They hold nothing from one
// call to the next.
ZSTD_CCtx* packing() {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeContext> context(::ZSTD_createCCtx());
  CW_CHECK(context != nullptr, "out of memory");
  return context.get();
}

ZSTD_DCtx* unpacking() {
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(::ZSTD_createDCtx());
  CW_CHECK(context != nullptr, "out of memory");
  return context.get();
}

}  // namespace

void append_zstd(ByteSpan plain, int level, Bytes& bytes) {
  CW_CHECK(plain.size() <= size_t{1} << 24, "{} bytes", plain.size());
  const size_t start = bytes.size();
  bytes.resize(start + ::ZSTD_compressBound(plain.size()));
  ZSTD_CCtx* const context = packing();
  ::ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
  // Literals as Huffman codes at negative levels, too, which leave them as they are by themselves.
  // The parameter is named so in every 1.5; a library that has it no more packs less, no worse.
  constexpr int kHuffmanLiterals = 1;
  ::ZSTD_CCtx_setParameter(context, ZSTD_c_experimentalParam5, kHuffmanLiterals);
  const size_t size = ::ZSTD_compress2(context, bytes.data() + start, bytes.size() - start,
                                       plain.data(), plain.size());
  CW_CHECK(::ZSTD_isError(size) == 0, "zstd: {}", ::ZSTD_getErrorName(size));
  bytes.resize(start + size);
}

Result<void> read_zstd(ByteSpan bytes, std::span<std::byte> plain) {
  // Into memory of ours in one call, so that a frame's claims set none aside.
  const size_t size =
      ::ZSTD_decompressDCtx(unpacking(), plain.data(), plain.size(), bytes.data(), bytes.size());
  if (::ZSTD_isError(size) != 0)
    return failure(Fault::kCorrupt, "zstd: {}", ::ZSTD_getErrorName(size));
  if (size == plain.size()) return {};
  return failure(Fault::kCorrupt, "zstd: got {} bytes; wanted: {}", size, plain.size());
}

}  // namespace causeway

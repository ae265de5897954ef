// SPDX-License-Identifier: Apache-2.0
//
// Compressed bytes for tests.
#pragma once

#include <zlib.h>
#include <zstd.h>

#include <string>
#include <string_view>

#include "core/check.h"

namespace causeway {

/// One gzip member.
inline std::string gzip(std::string_view text) {
  z_stream stream{};
  CW_CHECK(deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  CW_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// One zstd frame; `window_bits` 0: as zstd likes.
inline std::string zstd(std::string_view text, int window_bits = 0) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  if (window_bits > 0) ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_bits);
  std::string out(ZSTD_compressBound(text.size()) + 64, '\0');
  ZSTD_inBuffer source{text.data(), text.size(), 0};
  ZSTD_outBuffer target{out.data(), out.size(), 0};
  // A stream, whose frame states its window and not its size.
  ZSTD_compressStream2(context, &target, &source, ZSTD_e_flush);
  CW_CHECK(ZSTD_compressStream2(context, &target, &source, ZSTD_e_end) == 0);
  out.resize(target.pos);
  ZSTD_freeCCtx(context);
  return out;
}

}  // namespace causeway

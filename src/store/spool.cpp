// SPDX-License-Identifier: Apache-2.0
#include "store/spool.h"

#include <algorithm>

#include "store/spool_ledger.h"

namespace causeway {

Result<Bytes> Spool::read(const BlobId& id, int64_t offset, int64_t count) {
  Bytes out;
  if (const auto known = progress(id); known && offset >= 0)
    out.reserve(static_cast<size_t>(
        std::clamp<int64_t>(count, 0, std::max<int64_t>(known->received - offset, 0))));
  CW_TRY(each_piece(id, offset, count,
                    [&out](ByteSpan piece) { out.insert(out.end(), piece.begin(), piece.end()); }));
  return out;
}

ByteSource spool_source(Spool& spool, const BlobId& id) {
  const auto progress = spool.progress(id);
  CW_CHECK(progress.has_value(), "{} is not there", name_of(id));
  return {progress->bytes_total,
          [&spool, id](int64_t offset, std::span<std::byte> out) -> Result<void> {
            CW_TRY(spool.each_piece(id, offset, std::ssize(out), [&out](ByteSpan piece) {
              std::ranges::copy(piece, out.begin());
              out = out.subspan(piece.size());
            }));
            if (!out.empty()) return failure(Fault::kCorrupt, "{} has become shorter", name_of(id));
            return {};
          }};
}

}  // namespace causeway

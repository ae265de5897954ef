// SPDX-License-Identifier: Apache-2.0
#include "store/spool.h"

#include <algorithm>

#include "store/spool_ledger.h"

namespace causeway {

ByteSource spool_source(Spool& spool, const BlobId& id) {
  const auto progress = spool.progress(id);
  CW_CHECK(progress.has_value(), "{} is not there", name_of(id));
  return {progress->bytes_total,
          [&spool, id](int64_t offset, std::span<std::byte> out) -> Result<void> {
            // Not all at once: it is copied.
            constexpr size_t kPiece = size_t{1} << 20;
            while (!out.empty()) {
              const auto piece = out.first(std::min(out.size(), kPiece));
              CW_ASSIGN(const Bytes bytes, spool.read(id, offset, std::ssize(piece)));
              if (bytes.size() != piece.size())
                return failure(Fault::kCorrupt, "{} has become shorter", name_of(id));
              std::ranges::copy(bytes, piece.begin());
              offset += std::ssize(piece);
              out = out.subspan(piece.size());
            }
            return {};
          }};
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <utility>

#include "core/heap_bytes.h"
#include "store/spool_ledger.h"

namespace causeway {
namespace {

class MemorySpool final : public Spool {
  class Writer final : public BlobWriter {
   public:
    explicit Writer(MemorySpool& spool) : spool_(spool) {}
    ~Writer() override { static_cast<void>(spool_.ledger_.reserve(-std::ssize(bytes_))); }

    Result<void> append(ByteSpan bytes) override {
      CW_TRY(spool_.ledger_.reserve(std::ssize(bytes)));
      bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
      return {};
    }
    Result<BlobId> finish() override {
      const BlobId id{kHubOwner, digest_of(bytes_)};
      static_cast<void>(spool_.ledger_.reserve(-std::ssize(bytes_)));
      const Bytes bytes = std::exchange(bytes_, {});
      CW_TRY(spool_.put(id, bytes));
      return id;
    }

   private:
    MemorySpool& spool_;
    Bytes bytes_;
  };

 public:
  explicit MemorySpool(int64_t bytes_max) : ledger_(bytes_max) {}

  Result<int64_t> open(const BlobId& id, int64_t bytes_total) override {
    CW_TRY(ledger_.check_open(id, bytes_total));
    if (const SpoolLedger::Blob* const blob = ledger_.find(id)) return blob->progress.received;
    ledger_.add(id, bytes_total);
    return int64_t{0};
  }

  Result<void> write(const BlobId& id, int64_t offset, ByteSpan chunk) override {
    CW_ASSIGN(SpoolLedger::Blob * blob, ledger_.wanted(id));
    CW_ASSIGN(const auto pieces, SpoolLedger::admit(id, *blob, offset, chunk));
    if (pieces.empty()) return {};
    // Grows with what came, not with what was announced, and never beyond that.
    Bytes& held = bytes_[id];
    const size_t needed = held.size() + chunk.size();
    if (needed > held.capacity())
      held.reserve(std::min(static_cast<size_t>(blob->progress.bytes_total),
                            std::max(needed, 2 * held.capacity())));
    held.insert(held.end(), chunk.begin(), chunk.end());
    SpoolLedger::extend(*blob, pieces);
    return {};
  }

  Result<int64_t> sync(const BlobId& id) override {
    CW_ASSIGN(SpoolLedger::Blob * blob, ledger_.wanted(id));
    return blob->progress.durable = blob->progress.received;
  }

  Result<void> put(const BlobId& id, ByteSpan bytes) override {
    CW_CHECK(digest_of(bytes) == id.digest, "{} has digest {}", name_of(id),
             digest_of(bytes).hex());
    CW_ASSIGN(const int64_t received, open(id, std::ssize(bytes)));
    CW_TRY(write(id, received, bytes.subspan(static_cast<size_t>(received))));
    CW_TRY(sync(id));
    return {};
  }

  Result<std::unique_ptr<BlobWriter>> begin(int64_t) override {
    return std::unique_ptr<BlobWriter>(std::make_unique<Writer>(*this));
  }

  Result<ByteSpan> view(const BlobId& id) override {
    CW_TRY(ledger_.wanted(id));
    const auto found = bytes_.find(id);
    return found == bytes_.end() ? ByteSpan() : ByteSpan(found->second);
  }

  Result<void> each_piece(const BlobId& id, int64_t offset, int64_t count,
                          const TakePiece& take) override {
    CW_ASSIGN(const SpoolLedger::Blob* blob, ledger_.wanted(id));
    const auto range = SpoolLedger::range(*blob, offset, count);
    take(ByteSpan(bytes_[id])
             .subspan(static_cast<size_t>(range.begin),
                      static_cast<size_t>(range.end - range.begin)));
    return {};
  }

  Result<void> verify(const BlobId& id) override {
    CW_ASSIGN(SpoolLedger::Blob * blob, ledger_.wanted(id));
    CW_TRY(SpoolLedger::check_complete(id, *blob));
    CW_ASSIGN(const ByteSpan bytes, view(id));
    const Digest got = digest_of(bytes);
    if (got == id.digest) return {};
    SpoolLedger::cut(*blob, 0);
    bytes_.erase(id);
    return failure(Fault::kCorrupt, "{} has digest {}", name_of(id), got.hex());
  }

  Result<void> drop(const BlobId& id) override {
    if (ledger_.find(id) != nullptr) ledger_.erase(id);
    bytes_.erase(id);
    return {};
  }

  std::optional<BlobProgress> progress(const BlobId& id) const override {
    const SpoolLedger::Blob* const blob = ledger_.find(id);
    return blob == nullptr ? std::nullopt : std::optional(blob->progress);
  }
  std::vector<BlobId> ids() const override { return ledger_.ids(); }
  int64_t bytes_reserved() const override { return ledger_.bytes_reserved(); }
  int64_t bytes_max() const override { return ledger_.bytes_max(); }
  int64_t memory_bytes() const override {
    int64_t bytes = ledger_.memory_bytes() + heap_bytes(bytes_);
    for (const auto& [id, held] : bytes_) bytes += heap_bytes(held);
    return bytes;
  }

 private:
  SpoolLedger ledger_;
  std::map<BlobId, Bytes> bytes_;
};

}  // namespace

std::unique_ptr<Spool> memory_spool(int64_t bytes_max) {
  return std::make_unique<MemorySpool>(bytes_max);
}

}  // namespace causeway

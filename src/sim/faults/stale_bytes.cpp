// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <tuple>

#include "sim/faults/lie_fault.h"

namespace causeway {
namespace {

/// Such bytes decode, and have good checksums: only the digest says that they are not the offer.
class StaleBytes final : public LieFault {
 public:
  using Options = NoOptions;
  explicit StaleBytes(const Options&) {}

  void edit(Message& message, std::vector<Message>&) override {
    auto* chunk = std::get_if<Chunk>(&message.body);
    if (chunk == nullptr) return;
    const auto place = std::tuple(message.worker, chunk->offset, chunk->bytes.size());
    const auto [first, is_first] = first_.try_emplace(place, chunk->bytes);
    if (!is_first) chunk->bytes = first->second;
  }

 private:
  std::map<std::tuple<WorkerId, int64_t, int64_t>, SharedBytes> first_;
};

}  // namespace

extern const Entry<FaultKind> faults_stale_bytes;
const Entry<FaultKind> faults_stale_bytes = entry<FaultKind, StaleBytes>(
    "stale_bytes", "a worker sends an earlier offer's bytes as those of the next ones");

}  // namespace causeway

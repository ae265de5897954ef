// SPDX-License-Identifier: Apache-2.0
#include "site/group.h"

#include "site/gloo_group.h"

namespace causeway {
namespace {

/// A group of one process.
class Alone final : public SiteGroup {
 public:
  int32_t rank() const override { return 0; }
  int32_t size() const override { return 1; }
  Result<void> all_reduce(std::span<float>) override { return {}; }
  Result<void> broadcast(std::span<std::byte>) override { return {}; }
};

}  // namespace

Result<std::unique_ptr<SiteGroup>> join_group(const GroupPlace& place, int64_t timeout_ms) {
  CW_CHECK(place.rank >= 0 && place.rank < place.size, "rank {} of {}", place.rank, place.size);
  CW_CHECK(timeout_ms > 0, "a time limit of {} ms", timeout_ms);
  if (place.size == 1) return std::unique_ptr<SiteGroup>(std::make_unique<Alone>());
  // The one place that knows the engines. One for GPUs would be asked for here.
  return site::join_with_gloo(place, timeout_ms);
}

}  // namespace causeway

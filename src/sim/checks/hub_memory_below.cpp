// SPDX-License-Identifier: Apache-2.0
#include "sim/check.h"
#include "sim/world.h"

namespace causeway {
namespace {

class HubMemoryBelow final : public CheckKind {
 public:
  struct Options {
    int64_t bytes = 1 << 20;

    template <class Visit>
    void each(Visit&& visit) {
      visit("bytes", bytes, Range<int64_t>{0, int64_t{1} << 50}, "bytes",
            "Reserved in its spool or on their way there.");
    }
  };
  explicit HubMemoryBelow(const Options& options) : options_(options) {}

  std::string wrong(const World& world, const Undisturbed&) const override {
    const int64_t got = world.hub().held_bytes_max();
    if (got < options_.bytes) return {};
    return fmt::format("the hub held {} bytes; wanted: below {}", got, options_.bytes);
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<CheckKind> checks_hub_memory_below;
const Entry<CheckKind> checks_hub_memory_below = entry<CheckKind, HubMemoryBelow>(
    "hub_memory_below", "the hub never held more bytes of offers and results");

}  // namespace causeway

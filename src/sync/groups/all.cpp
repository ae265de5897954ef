// SPDX-License-Identifier: Apache-2.0
// Every worker takes part in every round.
#include <numeric>

#include "sync/port.h"

namespace causeway {
namespace {

class All final : public Group {
 public:
  using Options = NoOptions;
  explicit All(const Options&) {}

  std::vector<int32_t> members(const Gathering& gathering) const override {
    std::vector<int32_t> out(static_cast<size_t>(gathering.workers));
    std::iota(out.begin(), out.end(), 0);
    return out;
  }
};

}  // namespace

extern const Entry<Group> groups_all;
const Entry<Group> groups_all = entry<Group, All>("all", "every worker, every round");

}  // namespace causeway

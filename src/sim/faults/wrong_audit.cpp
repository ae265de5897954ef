// SPDX-License-Identifier: Apache-2.0
//
// As if its memory had flipped a bit in what all members share.
#include "sim/faults/lie_fault.h"

namespace causeway {
namespace {

class WrongAudit final : public LieFault {
 public:
  using Options = NoOptions;
  explicit WrongAudit(const Options&) {}

  void edit(Message& message, std::vector<Message>&) override {
    auto* progress = std::get_if<Progress>(&message.body);
    if (progress != nullptr && progress->settled > 0) progress->replicated.low ^= 1;
  }
};

}  // namespace

extern const Entry<FaultKind> faults_wrong_audit;
const Entry<FaultKind> faults_wrong_audit = entry<FaultKind, WrongAudit>(
    "wrong_audit", "a worker says that its replicated states are not those of the others");

}  // namespace causeway

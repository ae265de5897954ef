// SPDX-License-Identifier: Apache-2.0
#include "sim/faults/lie_fault.h"

namespace causeway {
namespace {

class SecondOffer final : public LieFault {
 public:
  using Options = NoOptions;
  explicit SecondOffer(const Options&) {}

  void edit(Message& message, std::vector<Message>& more) override {
    const auto* offer = std::get_if<OfferReady>(&message.body);
    if (offer == nullptr || offer->parcels.empty()) return;
    OfferReady other = *offer;
    other.parcels.front().digest.low ^= 1;
    more.push_back({message.run, message.epoch, message.worker, std::move(other)});
  }
};

}  // namespace

extern const Entry<FaultKind> faults_second_offer;
const Entry<FaultKind> faults_second_offer = entry<FaultKind, SecondOffer>(
    "second_offer", "a worker announces two different offers for one round");

}  // namespace causeway

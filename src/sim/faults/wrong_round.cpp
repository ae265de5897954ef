// SPDX-License-Identifier: Apache-2.0
#include "sim/faults/lie_fault.h"

namespace causeway {
namespace {

class WrongRound final : public LieFault {
 public:
  struct Options {
    int64_t shift = 1;

    template <class Visit>
    void each(Visit&& visit) {
      visit("shift", shift, Range<int64_t>{-1'000'000, 1'000'000}, "rounds", "How far it is off.");
    }
  };
  explicit WrongRound(const Options& options) : options_(options) {}

  void edit(Message& message, std::vector<Message>&) override {
    if (auto* offer = std::get_if<OfferReady>(&message.body)) offer->round += options_.shift;
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<FaultKind> faults_wrong_round;
const Entry<FaultKind> faults_wrong_round = entry<FaultKind, WrongRound>(
    "wrong_round", "a worker says another round's number with its offers");

}  // namespace causeway

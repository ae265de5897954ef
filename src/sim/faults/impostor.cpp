// SPDX-License-Identifier: Apache-2.0
#include "sim/faults/lie_fault.h"

namespace causeway {
namespace {

enum class Mask : uint8_t { kToken = 1, kWorker = 2 };

class Impostor final : public LieFault {
 public:
  struct Options {
    Mask mask = Mask::kToken;

    template <class Visit>
    void each(Visit&& visit) {
      visit("mask", mask, Choices<Mask>{{{"token", Mask::kToken}, {"worker", Mask::kWorker}}}, "",
            "It guesses the token when it says Hello; or says everything else in the name of the "
            "next worker.");
    }
  };
  explicit Impostor(const Options& options) : options_(options) {}

  void begin(World& world, const Strike& strike, Chance& chance) override {
    LieFault::begin(world, strike, chance);
    workers_ = world.workers();
  }
  void edit(Message& message, std::vector<Message>&) override {
    auto* hello = std::get_if<Hello>(&message.body);
    if (options_.mask == Mask::kToken && hello != nullptr) hello->token = "a guess";
    if (options_.mask == Mask::kWorker && hello == nullptr)
      message.worker = (message.worker + 1) % workers_;
  }

 private:
  const Options options_;
  int32_t workers_ = 1;
};

}  // namespace

extern const Entry<FaultKind> faults_impostor;
const Entry<FaultKind> faults_impostor =
    entry<FaultKind, Impostor>("impostor", "a worker is not who it says");

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "sim/faults/lie_fault.h"

namespace causeway {
namespace {

class Replay final : public LieFault {
 public:
  struct Options {
    double part = 0.3;

    template <class Visit>
    void each(Visit&& visit) {
      visit("part", part, Range<double>{0, 1}, "", "Of the messages that an old one follows.");
    }
  };
  explicit Replay(const Options& options) : options_(options) {}

  void edit(Message& message, std::vector<Message>& more) override {
    constexpr size_t kRecordedMax = 256;
    if (!recorded_.empty() && chance().happens(options_.part)) more.push_back(recorded_[draw()]);
    if (recorded_.size() < kRecordedMax)
      recorded_.push_back(message);
    else
      recorded_[draw()] = message;
  }

 private:
  size_t draw() { return static_cast<size_t>(chance().between(0, std::ssize(recorded_) - 1)); }

  const Options options_;
  std::vector<Message> recorded_;  // of all whom it strikes
};

}  // namespace

extern const Entry<FaultKind> faults_replay;
const Entry<FaultKind> faults_replay =
    entry<FaultKind, Replay>("replay", "a worker's old messages are sent again");

}  // namespace causeway

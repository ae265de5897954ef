// SPDX-License-Identifier: Apache-2.0
// Partial participation: for every `period` steps a part of the workers is drawn from the seed, as
// FedAvg draws its clients (McMahan and others 2017). Who is not drawn trains nothing until the
// next draw, and takes the consensus all the same.
#include <algorithm>
#include <cmath>

#include "core/random.h"
#include "sync/port.h"

namespace causeway {
namespace {

class Sample final : public Group {
 public:
  struct Options {
    double fraction = 0.5;
    int64_t period = 1;

    template <class Visit>
    void each(Visit&& visit) {
      visit("fraction", fraction, Range<double>{0, 1}, "",
            "Part of the workers that is drawn, rounded, at least one.");
      visit("period", period, Range<int64_t>{1, 1'000'000'000}, "steps",
            "Steps that one draw holds: the shortest period of the plan.");
    }
  };
  explicit Sample(const Options& options) : options_(options) {}

  bool rests() const override { return true; }
  std::vector<int32_t> members(const Gathering& gathering) const override {
    const int32_t workers = gathering.workers;
    const auto count = std::clamp<int64_t>(std::llround(options_.fraction * workers), 1, workers);
    const auto draw =
        static_cast<uint64_t>(std::max<int64_t>(gathering.steps_done - 1, 0) / options_.period);
    const Random random(gathering.seed, Stream::kGroup);
    std::vector<int32_t> out;
    for (int64_t i = 0; i < count; ++i)
      out.push_back(static_cast<int32_t>(
          random.permute(static_cast<uint64_t>(i), static_cast<uint64_t>(workers), draw)));
    std::sort(out.begin(), out.end());
    return out;
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Group> groups_sample;
const Entry<Group> groups_sample =
    entry<Group, Sample>("sample", "a part of the workers, drawn from the seed");

}  // namespace causeway

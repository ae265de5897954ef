// SPDX-License-Identifier: Apache-2.0
// Zeroth order: a worker sends one number, the slope of its loss along a direction that everybody
// can draw from (seed, step, worker). Zelikman and others, "Just One Byte (per gradient)",
// arXiv:2306.09479; Spall's SPSA, 1992. The objective `zeroth` gives the gradient c z with z in
// {-1, +1}, so c = g[0] z[0] exactly. The channel's rule gathers: everybody gets all numbers, and
//   gradient = mean of c_m z_m  over the workers that sent one.
#include <algorithm>

#include "core/direction.h"
#include "sync/port.h"

namespace causeway {
namespace {

class Zeroth final : public Port {
 public:
  using Options = NoOptions;
  explicit Zeroth(const Options&) {}

  std::vector<TensorCut> signal(const ChannelPlace&, int32_t) const override { return {{1, 1}}; }
  std::vector<StateSpec> states(int64_t) const override { return {}; }
  std::string_view reads() const override { return "g"; }
  bool fits(Hook hook) const override { return hook == Hook::kAfterBackward; }
  bool whole() const override { return true; }
  void start(const Region&, const Replica&, States&) const override {}
  void offer(const Firing& firing, const Region& region, const Replica& replica, const States&,
             std::span<float> signal) const override {
    float direction = 0;
    const int64_t first = region.spans.front().begin;
    fill_direction(firing.run_seed, firing.step, firing.worker, first, {&direction, 1});
    replica.read("g", region.part(0, 1), signal);
    signal[0] *= direction;
  }
  void apply(const Firing& firing, const Region& region, std::span<const float> consensus,
             const StatesPart&, Replica& replica) const override {
    const auto senders = std::ranges::count_if(consensus, [](float c) { return c != 0; });
    const float share = 1 / static_cast<float>(std::max<int64_t>(senders, 1));
    constexpr int64_t kPart = 16'384;
    std::vector<float> sum, direction;
    int64_t done = 0;
    for (const Span& span : region.spans)
      for (int64_t begin = 0; begin < span.count; begin += kPart) {
        const int64_t count = std::min(kPart, span.count - begin);
        sum.assign(static_cast<size_t>(count), 0);
        direction.resize(sum.size());
        for (size_t m = 0; m < consensus.size(); ++m) {
          if (consensus[m] == 0) continue;
          fill_direction(firing.run_seed, firing.step, static_cast<int32_t>(m), span.begin + begin,
                         direction);
          for (size_t i = 0; i < sum.size(); ++i) sum[i] += share * consensus[m] * direction[i];
        }
        replica.write("g", region.part(done, count), sum);
        done += count;
      }
  }
};

}  // namespace

extern const Entry<Port> ports_zeroth;
const Entry<Port> ports_zeroth =
    entry<Port, Zeroth>("zeroth", "one number along a direction that all can draw");

}  // namespace causeway

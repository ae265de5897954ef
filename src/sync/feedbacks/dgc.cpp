// SPDX-License-Identifier: Apache-2.0
// Deep gradient compression: momentum before the selection, so that what waits does not grow stale.
// Lin and others, arXiv:1712.01887, sections 3.1 to 3.3. With g clipped at the sender,
//   u <- momentum u + g;  w <- w + u;  send the selected of w;  u = w = 0 where it was sent.
#include <algorithm>
#include <cmath>

#include "core/elementwise.h"
#include "core/squared_norm.h"
#include "sync/port.h"

namespace causeway {
namespace {

class Dgc final : public Feedback {
 public:
  struct Options {
    double momentum = 0.9;
    double local_clip = 0;

    template <class Visit>
    void each(Visit&& visit) {
      visit("momentum", momentum, Range<double>{0, 1}, "", "Decay of the momentum.");
      visit("local_clip", local_clip, Range<double>{0, 1e9}, "",
            "Most norm of the worker's own gradient; the paper takes the clip / sqrt(workers). 0: "
            "no clip.");
    }
  };
  explicit Dgc(const Options& options) : options_(options) {}

  std::vector<StateSpec> states(int64_t count, Holder holder) const override {
    return {{"dgc_u", count, holder}, {"dgc_w", count, holder}};
  }
  int64_t kept_values(int64_t count) const override { return 2 * count; }
  void prepare(const Firing&, const States& states, std::span<float> signal,
               std::span<float> kept) const override {
    double scale = 1;
    if (options_.local_clip > 0)
      scale = std::min(1.0, options_.local_clip / (std::sqrt(squared_norm(signal)) + 1e-6));
    const auto u = kept.first(signal.size()), w = kept.subspan(signal.size());
    std::ranges::copy(states.get("dgc_u"), u.begin());
    std::ranges::copy(states.get("dgc_w"), w.begin());
    elementwise(
        signal.size(),
        // Rounded once: what is selected hangs on small differences.
        [scale, momentum = options_.momentum](float& value, float& velocity, float& wait) {
          const double next = momentum * double{velocity} + scale * double{value};
          velocity = static_cast<float>(next);
          wait = static_cast<float>(double{wait} + next);
          value = wait;
        },
        signal.data(), u.data(), w.data());
  }
  void settle(std::span<const float> kept, std::span<const float> sent,
              States& states) const override {
    const auto keep = [&](std::string_view name, std::span<const float> from) {
      elementwise(
          sent.size(), [](float& to, float value, float gone) { to = gone == 0 ? value : 0; },
          states.edit(name).data(), from.data(), sent.data());
    };
    keep("dgc_u", kept.first(sent.size()));
    keep("dgc_w", kept.subspan(sent.size()));
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Feedback> feedbacks_dgc;
const Entry<Feedback> feedbacks_dgc =
    entry<Feedback, Dgc>("dgc", "momentum of what waits, masked where it was sent");

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
// EControl: EF21 with an error that is fed back at a chosen strength. Gao, Islamov and Stich,
// "EControl: Fast Distributed Optimization with Compression and Error Control", arXiv:2311.05645:
//   c = C(eta e + s - h);  e += s - h - c;  h += c;  the consensus is hbar += mean(c).
// With eta = 0 it is EF21. States start at zero.
#include <algorithm>

#include "core/elementwise.h"
#include "sync/feedbacks/sum_changes.h"
#include "sync/port.h"

namespace causeway {
namespace {

class EControl final : public Feedback {
 public:
  struct Options {
    double eta = 0.1;

    template <class Visit>
    void each(Visit&& visit) {
      visit("eta", eta, Range<double>{0, 1}, "", "Strength of the error that is fed back.");
    }
  };
  explicit EControl(const Options& options) : eta_(static_cast<float>(options.eta)) {}

  std::vector<StateSpec> states(int64_t count, Holder holder) const override {
    return {{"e", count, holder}, {"h", count, holder}, {"hbar", count, Holder::kReplicated}};
  }
  int64_t kept_values(int64_t count) const override { return count; }
  /// Keeps s - h.
  void prepare(const Firing&, const States& states, std::span<float> signal,
               std::span<float> kept) const override {
    elementwise(
        signal.size(),
        [eta = eta_](float& value, float& change, float known, float error) {
          change = value - known;
          value = eta * error + change;
        },
        signal.data(), kept.data(), states.get("h").data(), states.get("e").data());
  }
  void settle(std::span<const float> kept, std::span<const float> sent,
              States& states) const override {
    elementwise(
        sent.size(),
        [](float& error, float& known, float change, float gone) {
          error += change - gone;
          known += gone;
        },
        states.edit("e").data(), states.edit("h").data(), kept.data(), sent.data());
  }
  bool integrates() const override { return true; }
  void integrate(std::span<float> consensus, const StatesPart& states) const override {
    sum_changes(consensus, states, "hbar");
  }

 private:
  const float eta_;
};

}  // namespace

extern const Entry<Feedback> feedbacks_econtrol;
const Entry<Feedback> feedbacks_econtrol =
    entry<Feedback, EControl>("econtrol", "EF21 with an error fed back at a chosen strength");

}  // namespace causeway

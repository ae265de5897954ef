// SPDX-License-Identifier: Apache-2.0
// LoRDO: moments at low rank, in a basis that all share and that turns to where the model moved.
// Parameters every K_x steps, moments (rank x q of a matrix [p, q]) each with its own period. The
// inner optimizer `lordo` and the port have the equations. (1/K_x) P and the moments' rank / p of
// that.
#include "sync/simple_preset.h"

namespace causeway {
namespace {

class LordoPreset final : public Preset {
 public:
  struct Options {
    int64_t period = 32;
    Value periods = Value::Table{};
    bool refresh = true;

    template <class Visit>
    void each(Visit&& visit) {
      visit("period", period, kPeriodRange, "steps", "Steps between averages of x (K_x).");
      visit("periods", periods, Any{}, "steps",
            "Period of each moment, as { u = 64, v = 96 }; 0: never. Default: 2 K_x and 3 K_x.");
      visit("refresh", refresh, Any{}, "", "Take a new basis in each round of x.");
    }
    void check(const Location& where, Mistakes& mistakes) const {
      if (!periods.is(Value::Kind::kTable))
        return mistakes.add(where, "`periods` wants a table of steps by state");
      for (const auto& [state, steps] : periods.table())
        if ((state != "u" && state != "v") || !steps.is(Value::Kind::kInteger) ||
            steps.integer() < 0)
          mistakes.add(steps.where, fmt::format("`periods` has {} = {}; wanted: steps of u and v",
                                                state, steps.text()));
    }
  };
  explicit LordoPreset(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext& context, Mistakes&) const override {
    const Value* rank = context.optimizer_options.find("rank");
    std::vector<Channel> out;
    for (const char* state : {"u", "v"}) {
      const Value* given = options_.periods.find(state);
      const int64_t times = state[0] == 'u' ? 2 : 3;
      const int64_t period = given != nullptr ? given->integer() : times * options_.period;
      if (period == 0) continue;
      out.push_back(channel_with(state, plugin_with("low_rank", {{"state", state}}),
                                 Hook::kAfterUpdate, period));
      if (rank != nullptr) out.back().port.options.set("rank", *rank);
    }
    Channel x = channel_with("x", plugin_with("lordo", {{"refresh", options_.refresh}}),
                             Hook::kAfterUpdate, options_.period);
    for (const char* option : {"rank", "betas", "bias_correction"})
      if (const Value* value = context.optimizer_options.find(option))
        x.port.options.set(option, *value);
    out.push_back(std::move(x));
    return out;
  }
  Training training() const override { return {{plugin_with("lordo")}}; }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Preset> presets_lordo;
const Entry<Preset> presets_lordo =
    entry<Preset, LordoPreset>("lordo", "moments at low rank, in a basis that turns");

}  // namespace causeway

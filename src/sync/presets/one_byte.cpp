// SPDX-License-Identifier: Apache-2.0
// Just One Byte: a step costs a worker one number, the slope of its loss along a drawn direction.
// Zelikman and others, arXiv:2306.09479; port and objective `zeroth` have the equations. The slope
// goes as one byte, on a scale of powers of two.
#include "sync/simple_preset.h"

namespace causeway {
namespace {

class OneByte final : public Preset {
 public:
  struct Options {
    double epsilon = 1e-3;

    template <class Visit>
    void each(Visit&& visit) {
      visit("epsilon", epsilon, Range<double>{1e-8, 1}, "", "Half the way between two losses.");
    }
  };
  explicit OneByte(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext&, Mistakes&) const override {
    Channel g = channel_with("g", plugin_with("zeroth"), Hook::kAfterBackward, 1);
    g.rule = plugin_with("gather");
    g.up = g.down = plugin_with("log8");
    return {g};
  }
  Training training() const override {
    return {{plugin_with("sgd", {{"lr", 1e-4}})},
            plugin_with("zeroth", {{"eps", options_.epsilon}})};
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Preset> presets_one_byte;
const Entry<Preset> presets_one_byte =
    entry<Preset, OneByte>("one_byte", "one number of one byte a step, along drawn directions");

}  // namespace causeway

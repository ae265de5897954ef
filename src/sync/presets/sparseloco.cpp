// SPDX-License-Identifier: Apache-2.0
// SparseLoCo: DiLoCo's deltas with error feedback, the largest of each chunk at two bits, and no
// outer momentum. Sarfi and others, "Communication Efficient LLM Pre-training with SparseLoCo",
// 2025. The paper's mean is over all workers; `mean_over` = senders as in the authors' code.
#include "codec/codec.h"
#include "sync/simple_preset.h"

namespace causeway {
namespace {

class SparseLoCo final : public Preset {
 public:
  struct Options {
    int64_t period = 30;
    double lr = 1;
    double decay = 0.95;
    int64_t chunk = 4096;
    int64_t k = 64;
    bool two_bit = true;
    std::string mean_over = "workers";

    template <class Visit>
    void each(Visit&& visit) {
      visit("period", period, kPeriodRange, "steps", "Local steps between rounds (H).");
      visit("lr", lr, Range<double>{0, 100}, "", "Outer learning rate.");
      visit("decay", decay, Range<double>{0, 1}, "", "Part of what was not sent that is kept.");
      visit("chunk", chunk, Range<int64_t>{1, kBlockValues}, "values", "Values of a chunk.");
      visit("k", k, Range<int64_t>{1, kBlockValues}, "", "Values of a chunk that are sent.");
      visit("two_bit", two_bit, Any{}, "", "Send two bits of a value, else all of it.");
      visit("mean_over", mean_over, Required{}, "",
            "workers: of all; senders: of those that sent a value.");
    }
    void check(const Location& where, Mistakes& mistakes) const {
      if (mean_over != "workers" && mean_over != "senders")
        mistakes.add(where,
                     fmt::format("`mean_over` is \"{}\"; wanted: workers or senders", mean_over));
    }
  };
  explicit SparseLoCo(const Options& options) : options_(options) {}

  std::vector<Channel> channels(const PresetContext& context, Mistakes&) const override {
    Channel x = delta_channel(plugin_with("sgd", {{"lr", options_.lr}}), options_.period);
    x.feedback = plugin_with("ef", {{"decay", options_.decay}});
    x.up = {fmt::format("topk(k={}, scope=chunk, chunk={})|{}", options_.k, options_.chunk,
                        options_.two_bit ? "two_bit" : "fp32"),
            {}};
    x.down =
        sparse_down(static_cast<double>(options_.k) / static_cast<double>(options_.chunk), context);
    if (options_.mean_over == "senders") x.rule = plugin_with("senders");
    return {x};
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Preset> presets_sparseloco;
const Entry<Preset> presets_sparseloco =
    entry<Preset, SparseLoCo>("sparseloco", "the largest parts of deltas, at two bits");

}  // namespace causeway

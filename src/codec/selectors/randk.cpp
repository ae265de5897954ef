// SPDX-License-Identifier: Apache-2.0
//
// ceil(keep * n) values of each block of n, drawn without regard to what they are (Stich and
// others, "Sparsified SGD with Memory", arXiv:1809.07599, rand-k, block by block). The seed of a
// block's draw depends on the coding's seed and on where the block lies, and is all that is sent of
// the positions: senders with the same seed send the same ones.
//
// `unbiased` multiplies what is sent by n / ceil(keep * n), so that its expectation is the signal;
// without it the codec is a contraction, which error feedback wants.
#include <algorithm>
#include <cmath>

#include "codec/draws.h"
#include "codec/selector.h"

namespace causeway {
namespace {

class RandK final : public Selector {
 public:
  struct Options {
    double keep = 0.01;
    bool unbiased = false;
    template <class Visit>
    void each(Visit&& visit) {
      visit("keep", keep, Range<double>{1e-6, 1}, "",
            "Part of the values of a block that is sent, rounded up.");
      visit("unbiased", unbiased, Any{}, "",
            "Whether what is sent is scaled up so that its expectation is the signal.");
    }
  };
  explicit RandK(const Options& options) : options_(options) {}

  bool draws() const override { return true; }

  void select(std::span<const float> block, const Coding& coding,
              Selection& selection) const override {
    selection.drawn = true;
    selection.seed =
        causeway::draws(coding.seed, Draw::kMask).bits(static_cast<uint64_t>(coding.begin));
    selection.count = static_cast<size_t>(selected_max(std::ssize(block)));
    draw_positions(selection.seed, block.size(), selection.count, selection.indices);
    if (options_.unbiased)
      selection.gain = static_cast<float>(block.size()) / static_cast<float>(selection.count);
  }

  int64_t selected_max(int64_t count) const override {
    const double wanted = std::ceil(options_.keep * static_cast<double>(count));
    return std::min(count, static_cast<int64_t>(wanted));
  }

 private:
  Options options_;
};

}  // namespace

extern const Entry<Selector> selectors_randk;
const Entry<Selector> selectors_randk = entry<Selector, RandK>(
    "randk", "a drawn part of each block; a seed is sent instead of indices");

}  // namespace causeway

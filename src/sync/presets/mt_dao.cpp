// SPDX-License-Identifier: Apache-2.0
// MT-DAO: DES-LOC around an inner optimizer with slow (quasi-hyperbolic) momenta, each a channel.
// Iacob and others, "MT-DAO: Multi-Timescale Distributed Adaptive Optimizers with Local Updates",
// 2025. Slow momenta keep replicas together, so that a larger K_x costs less.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sync/moment_channels.h"

namespace causeway {
namespace {

class MtDao final : public Preset {
 public:
  using Options = MomentOptions;
  explicit MtDao(const Options& options) : options_(options) {}

  Training training() const override { return {{{"qh_adopt", {}}, {"qh_adamw", {}}, {"qhm", {}}}}; }
  std::vector<Channel> channels(const PresetContext& context, Mistakes& mistakes) const override {
    constexpr std::array<std::string_view, 3> kSlow{"qh_adamw", "qh_adopt", "qhm"};
    if (std::find(kSlow.begin(), kSlow.end(), context.optimizer) == kSlow.end())
      mistakes.add(context.where,
                   fmt::format("mt_dao wants an inner optimizer with slow momenta ({}), got `{}`; "
                               "for that one use des_loc",
                               fmt::join(kSlow, ", "), context.optimizer));
    return moment_channels(options_, context, mistakes);
  }

 private:
  const Options options_;
};

}  // namespace

extern const Entry<Preset> presets_mt_dao;
const Entry<Preset> presets_mt_dao =
    entry<Preset, MtDao>("mt_dao", "as des_loc, with slow momenta in the inner optimizer");

}  // namespace causeway

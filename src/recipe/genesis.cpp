// SPDX-License-Identifier: Apache-2.0
#include "recipe/genesis.h"

#include <algorithm>

#include "core/memory.h"
#include "shape/check_weights.h"
#include "sync/mirror.h"

namespace causeway {
namespace {

/// Parameters, and optimizer states that are all zero.
class FirstReplica final : public Replica {
 public:
  FirstReplica(std::vector<float> x, const std::vector<std::string>& moments)
      : x_(std::move(x)), states_{"x"} {
    states_.insert(states_.end(), moments.begin(), moments.end());
  }

  std::vector<std::string> states() const override { return states_; }
  void read(std::string_view state, const Region& region, std::span<float> packed) const override {
    if (state != "x") {
      std::ranges::fill(packed, 0.0F);
      return;
    }
    auto to = packed.begin();
    for (const Span& span : region.spans) to = std::copy_n(x_.begin() + span.begin, span.count, to);
  }
  void write(std::string_view state, const Region&, std::span<const float>) override {
    CW_CHECK(false, "state {} of a first replica is written", state);
  }
  void reset_optimizer() override {}

 private:
  const std::vector<float> x_;
  std::vector<std::string> states_;
};

Result<void> read_parameters(const std::string& path, const Layout& layout, std::span<float> x) {
  CW_ASSIGN(const WeightFiles files, WeightFiles::open(path));
  CW_TRY(check_weights(files, layout));
  for (const Tensor& tensor : layout.tensors())
    if (tensor.alias_of.empty())
      CW_TRY(files.read_floats(tensor.name, x.subspan(static_cast<size_t>(tensor.begin),
                                                      static_cast<size_t>(tensor.count))));
  return {};
}

}  // namespace

Result<std::vector<float>> first_parameters(const Recipe& recipe) {
  const Layout& layout = recipe.shape->layout();
  auto x = large_zeros<float>(static_cast<size_t>(layout.count()));
  if (!recipe.model.init.empty()) {
    CW_TRY(read_parameters(recipe.model.init, layout, x));
    return x;
  }
  for (size_t i = 0; i < layout.tensors().size(); ++i) {
    const Tensor& tensor = layout.tensors()[i];
    if (tensor.alias_of.empty())
      recipe.shape->initialise(static_cast<uint64_t>(recipe.run.seed), i,
                               std::span(x).subspan(static_cast<size_t>(tensor.begin),
                                                    static_cast<size_t>(tensor.count)));
  }
  return x;
}

Result<Bytes> genesis_of(const Recipe& recipe, const BoundPlan& plan) {
  CW_ASSIGN(std::vector<float> x, first_parameters(recipe));
  if (!can_mirror(plan)) {
    const auto bytes = std::as_bytes(std::span(x));
    return Bytes(bytes.begin(), bytes.end());
  }
  const FirstReplica first(std::move(x), recipe.optimizer->states());
  return Mirror(plan, plan.count(), first).snapshot();
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "train/replica.h"

#include <algorithm>
#include <cmath>

#include "optim/clip.h"

namespace causeway {

TrainReplica::TrainReplica(const Model& model, std::shared_ptr<const Placement> placement,
                           const InnerOptimizer& optimizer)
    : model_(model), optimizer_(optimizer), moments_(optimizer.states()) {
  for (const std::string& state : states()) arenas_[state] = std::make_unique<Arena>(placement);
}

std::vector<std::string> TrainReplica::states() const {
  std::vector<std::string> out{"x", "g"};
  out.insert(out.end(), moments_.begin(), moments_.end());
  return out;
}

void TrainReplica::read(std::string_view state, const Region& region,
                        std::span<float> packed) const {
  arena(state).read(region, packed);
}

void TrainReplica::write(std::string_view state, const Region& region,
                         std::span<const float> packed) {
  arena(state).write(region, packed);
  if (state == "g") gradient_replaced_ = true;
}

void TrainReplica::reset_optimizer() {
  for (const std::string& state : moments_) std::ranges::fill(arena(state).values(), 0.0f);
  updates_ = 0;
}

double TrainReplica::loss_and_gradient(const at::Tensor& tokens) {
  gradient_replaced_ = false;
  return model_.loss_and_gradient(arena("x"), tokens, arena("g"));
}

double TrainReplica::gradient_norm() const { return std::sqrt(squared_norm(arena("g").values())); }

void TrainReplica::update(double rate, double scale) {
  for (const Placement::Group& group : arena("x").placement().groups()) {
    const auto part = [&](std::string_view state) {
      return arena(state).values().subspan(static_cast<size_t>(group.begin),
                                           static_cast<size_t>(group.count));
    };
    std::vector<std::span<float>> moments;
    for (const std::string& state : moments_) moments.push_back(part(state));
    const bool decays = group.decays || optimizer_.decays_all();
    optimizer_.step({updates_, rate, scale, decays}, part("x"), part("g"), moments);
  }
  ++updates_;
}

Arena& TrainReplica::arena(std::string_view state) {
  return const_cast<Arena&>(std::as_const(*this).arena(state));
}

const Arena& TrainReplica::arena(std::string_view state) const {
  const auto found = arenas_.find(state);
  CW_CHECK(found != arenas_.end(), "a replica has no state {}", state);
  return *found->second;
}

}  // namespace causeway

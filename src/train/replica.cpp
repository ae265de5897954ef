// SPDX-License-Identifier: Apache-2.0
#include "train/replica.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/squared_norm.h"
#include "train/flat_parts.h"

namespace causeway {
TrainReplica::TrainReplica(const Model& model, std::shared_ptr<const Placement> placement,
                           const InnerOptimizer& optimizer, const StepOptions& options,
                           const Objective* objective)
    : model_(model),
      options_(options),
      inner_(placement, optimizer),
      objective_(objective),
      moments_(optimizer.states()) {
  for (const std::string& state : states()) arenas_[state] = std::make_unique<Arena>(placement);
  inner_.start(moment_values());
}

std::vector<std::string> TrainReplica::states() const {
  std::vector<std::string> out{"x", "g"};
  out.insert(out.end(), moments_.begin(), moments_.end());
  if (objective_ == nullptr) return out;
  for (std::string& state : objective_->states()) out.push_back(std::move(state));
  return out;
}

void TrainReplica::read(std::string_view state, const Region& region,
                        std::span<float> packed) const {
  arena(state).read(region, packed);
}

void TrainReplica::write(std::string_view state, const Region& region,
                         std::span<const float> packed) {
  arena(state).write(region, packed);
  if (!changes_.states.contains(state)) changes_.states.emplace(state);
  if (state == "g") gradient_replaced_ = true;
  if (state == "x") steps_in_round_ = 0;
}

void TrainReplica::reset_optimizer() {
  for (const std::string& state : moments_) std::ranges::fill(arena(state).values(), 0.0f);
  inner_.start(moment_values());
  updates_ = 0;
  for (const std::string& state : moments_) changes_.states.erase(state);
  changes_.reset = true;
}

double TrainReplica::loss_and_gradient(const at::Tensor& tokens) {
  gradient_replaced_ = false;
  return model_.loss_and_gradient(arena("x"), tokens, arena("g"), options_);
}

double TrainReplica::gradient_norm() const {
  const std::span<const float> values = arena("g").values();
  std::vector<double> squares(flat_parts(std::ssize(values)));
  each_flat_part(std::ssize(values), [&](size_t part, int64_t begin, int64_t count) {
    squares[part] =
        squared_norm(values.subspan(static_cast<size_t>(begin), static_cast<size_t>(count)));
  });
  return std::sqrt(std::accumulate(squares.begin(), squares.end(), 0.0));
}

std::vector<std::span<float>> TrainReplica::moment_values() {
  std::vector<std::span<float>> out;
  for (const std::string& state : moments_) out.push_back(arena(state).values());
  return out;
}

void TrainReplica::update(double rate, double scale) {
  inner_.apply({updates_, rate, scale}, arena("x").values(), arena("g").values(), moment_values());
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

// SPDX-License-Identifier: Apache-2.0
#include "train/replica.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/squared_norm.h"

namespace causeway {
namespace {

constexpr int64_t kPart = 32'768;  // values; a part of the gradient norm's bits

size_t parts_of(int64_t count) { return static_cast<size_t>((count + kPart - 1) / kPart); }

/// Calls each(part, begin, count) for the parts of a flat state, shared among LibTorch's threads.
template <class Each>
void each_part(int64_t count, const Each& each) {
  at::parallel_for(0, static_cast<int64_t>(parts_of(count)), 1, [&](int64_t first, int64_t last) {
    for (int64_t part = first; part < last; ++part)
      each(static_cast<size_t>(part), part * kPart, std::min(kPart, count - part * kPart));
  });
}

}  // namespace

TrainReplica::TrainReplica(const Model& model, std::shared_ptr<const Placement> placement,
                           const InnerOptimizer& optimizer, const StepOptions& options)
    : model_(model), optimizer_(optimizer), options_(options), moments_(optimizer.states()) {
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
  if (!changes_.states.contains(state)) changes_.states.emplace(state);
  if (state == "g") gradient_replaced_ = true;
}

void TrainReplica::reset_optimizer() {
  for (const std::string& state : moments_) std::ranges::fill(arena(state).values(), 0.0f);
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
  std::vector<double> squares(parts_of(std::ssize(values)));
  each_part(std::ssize(values), [&](size_t part, int64_t begin, int64_t count) {
    squares[part] =
        squared_norm(values.subspan(static_cast<size_t>(begin), static_cast<size_t>(count)));
  });
  return std::sqrt(std::accumulate(squares.begin(), squares.end(), 0.0));
}

void TrainReplica::update(double rate, double scale) {
  const std::span<float> x = arena("x").values();
  const std::span<const float> g = arena("g").values();
  std::vector<std::span<float>> moments;
  for (const std::string& state : moments_) moments.push_back(arena(state).values());
  for (const Placement::Group& group : arena("x").placement().groups()) {
    const bool decays = group.decays || optimizer_.decays_all();
    each_part(group.count, [&](size_t, int64_t first, int64_t count) {
      const auto begin = static_cast<size_t>(group.begin + first),
                 size = static_cast<size_t>(count);
      std::vector<std::span<float>> parts;
      for (const std::span<float> moment : moments) parts.push_back(moment.subspan(begin, size));
      optimizer_.step({updates_, rate, scale, decays}, x.subspan(begin, size),
                      g.subspan(begin, size), parts);
    });
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

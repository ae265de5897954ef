// SPDX-License-Identifier: Apache-2.0
//
// A replica for tests: flat states and a quartic loss, so that training is arithmetic that can be
// followed by hand. Not quadratic: then the mean of all workers would move alike whatever is
// averaged when, and identities would hold that are none. Nothing but tests includes it.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "core/random.h"
#include "core/toml.h"
#include "sync/engine.h"
#include "sync/preset.h"

namespace causeway {

using Names = std::vector<std::string>;

/// Moments of toys: as of SGD with momentum, and as of Adam.
inline const Names kOneMoment{"b"};
inline const Names kTwoMoments{"u", "v"};

/// 34 values: embedding [0, 12), layer 0 [12, 22), layer 1 [22, 32), final norm [32, 34).
inline Layout toy_layout() {
  Layout layout;
  layout.add("embed", {6, 2}, Role::kEmbedding, -1);
  for (int32_t layer = 0; layer < 2; ++layer) {
    layout.add("w" + std::to_string(layer), {4, 2}, Role::kMatrix, layer);
    layout.add("n" + std::to_string(layer), {2}, Role::kNorm, layer);
  }
  layout.add("norm", {2}, Role::kNorm, -1);
  return layout;
}

/// x, g and moments, each m <- decay m + g with a decay of its own (3/4, 7/8, ...); then
/// x <- x - rate m for every moment, or x <- x - rate g if there are none: SGD, SGD with momentum,
/// and two or three time scales. The gradient is d + 4 d^3 with d = x - target, and each worker and
/// step has another target.
class ToyReplica final : public Replica {
 public:
  ToyReplica(int64_t count, WorkerId worker, Names moments)
      : worker_(worker), moments_(std::move(moments)), x_(static_cast<size_t>(count)), g_(x_) {
    const Random random(1, Stream::kWeights);
    for (size_t i = 0; i < x_.size(); ++i) x_[i] = static_cast<float>(random.uniform(i));
    buffers_.assign(moments_.size(), std::vector<float>(x_.size()));
  }

  std::vector<std::string> states() const override { return names(moments_); }
  static Names names(const Names& moments) {
    Names out{"x", "g"};
    out.insert(out.end(), moments.begin(), moments.end());
    return out;
  }
  void read(std::string_view state, const Region& region, std::span<float> packed) const override {
    const std::vector<float>& from = const_cast<ToyReplica*>(this)->state(state);
    size_t at = 0;
    for (const Span& span : region.spans)
      for (int64_t i = 0; i < span.count; ++i)
        packed[at++] = from[static_cast<size_t>(span.begin + i)];
    CW_CHECK(at == packed.size());
  }
  void write(std::string_view state, const Region& region, std::span<const float> packed) override {
    std::vector<float>& to = this->state(state);
    size_t at = 0;
    for (const Span& span : region.spans)
      for (int64_t i = 0; i < span.count; ++i)
        to[static_cast<size_t>(span.begin + i)] = packed[at++];
    CW_CHECK(at == packed.size());
  }
  void reset_optimizer() override {
    for (std::vector<float>& buffer : buffers_) buffer.assign(buffer.size(), 0);
  }

  std::vector<float>& state(std::string_view name) {
    if (name == "x") return x_;
    if (name == "g") return g_;
    for (size_t i = 0; i < moments_.size(); ++i)
      if (moments_[i] == name) return buffers_[i];
    CW_CHECK(false, "no state {}", name);
    return x_;
  }
  const std::vector<float>& x() const { return x_; }

  void backward(int64_t step) {
    const Random random(2, Stream::kSample, static_cast<uint32_t>(worker_));
    for (size_t i = 0; i < x_.size(); ++i) {
      const auto target = random.uniform(static_cast<uint64_t>(step) * x_.size() + i);
      const float d = x_[i] - static_cast<float>(target);
      g_[i] = d + 4 * d * d * d;
    }
  }
  static constexpr float kRate = 0.03125F;
  void update() {
    if (moments_.empty())
      for (size_t i = 0; i < x_.size(); ++i) x_[i] -= kRate * g_[i];
    float left = 0.25F;
    for (size_t j = 0; j < buffers_.size(); ++j) {
      if (!is_moment(moments_[j])) continue;
      std::vector<float>& buffer = buffers_[j];
      for (size_t i = 0; i < x_.size(); ++i) {
        buffer[i] = (1 - left) * buffer[i] + g_[i];
        x_[i] -= kRate * buffer[i];
      }
      left /= 2;
    }
  }

 private:
  /// Other states are there for methods to use.
  static bool is_moment(const std::string& name) {
    return name == "b" || name.starts_with('u') || name == "v";
  }

  WorkerId worker_;
  Names moments_;
  std::vector<float> x_, g_;
  std::vector<std::vector<float>> buffers_;
};

/// What a toy's moments mean to a preset.
inline PresetContext toy_context(const Names& moments, const std::string& optimizer = "qhm") {
  return {optimizer, moments};
}

/// Two moments, and the states that a preset wants of its own optimizer or objective.
inline Names toy_moments(std::string_view preset) {
  if (preset == "fedamd") return {"u", "v", "start", "large", "vbar"};
  if (preset == "fedspeed") return {"u", "v", "anchor", "c"};
  if (preset == "lordo") return {"u", "v", "q"};
  return kTwoMoments;
}

/// True if a preset has an option of this name.
inline bool has_option(std::string_view preset, std::string_view option) {
  for (const auto* entry : presets())
    if (entry->name == preset)
      for (const OptionInfo& info : entry->describe())
        if (info.name == option) return true;
  return false;
}

/// True if a preset says itself who takes part in its rounds.
inline bool groups_itself(std::string_view preset) {
  Mistakes mistakes;
  const SyncTable table =
      read_sync(parse_toml("preset = '" + std::string(preset) + "'", "test", mistakes), mistakes);
  for (const Channel& channel : make_plan(table, {"qhm", toy_moments(preset)}, mistakes).channels)
    if (channel.group.name != "all") return true;
  return false;
}

/// The plan of a [sync] table in TOML.
inline Plan toy_plan(const std::string& sync, const PresetContext& context, Mistakes& mistakes) {
  const SyncTable table = read_sync(parse_toml(sync, "test", mistakes), mistakes);
  return make_plan(table, context, mistakes);
}

/// The same, bound; a mistake is a bug of the test.
inline std::unique_ptr<BoundPlan> toy_bind(const std::string& sync, const Names& moments,
                                           BindOptions options,
                                           const Layout& layout = toy_layout()) {
  Mistakes mistakes;
  PresetContext context = toy_context(moments);
  context.workers = options.workers;
  const Plan plan = toy_plan(sync, context, mistakes);
  auto bound =
      BoundPlan::bind(plan, layout, ToyReplica::names(moments), std::move(options), mistakes);
  CW_CHECK(mistakes.empty() && bound != nullptr, "{}", mistakes.text());
  return bound;
}

/// Equal to the bit: NaN equals itself, and -0 is not 0.
inline bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}
inline bool same_bits(const States& a, const States& b) {
  if (a.entries().size() != b.entries().size()) return false;
  for (const auto& [name, entry] : a.entries())
    if (!b.entries().contains(name) || !same_bits(entry.values, b.get(name))) return false;
  return true;
}

}  // namespace causeway

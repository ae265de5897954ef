// SPDX-License-Identifier: Apache-2.0
#include "sim/toy_model.h"

#include <cmath>

#include "sim/chance.h"

namespace causeway {
namespace {

Random random_of(uint64_t seed, Purpose purpose, uint32_t index = 0) {
  return {seed, static_cast<Stream>(purpose), index};
}

class Convex final : public ToyModel {
 public:
  explicit Convex(const ToyModelOptions& options) : options_(options) {
    const int64_t width = 2 * options.width;
    layout_.add("embed", {6, width}, Role::kEmbedding, -1);
    for (int32_t layer = 0; layer < 2; ++layer) {
      layout_.add(fmt::format("w{}", layer), {4, width}, Role::kMatrix, layer);
      layout_.add(fmt::format("n{}", layer), {width}, Role::kNorm, layer);
    }
    layout_.add("norm", {width}, Role::kNorm, -1);
    const Random shared = random_of(options.seed, Purpose::kModel);
    for (int32_t worker = 0; worker < options.workers; ++worker) {
      const Random own = random_of(options.seed, Purpose::kData, static_cast<uint32_t>(worker));
      for (uint64_t i = 0; i < size(); ++i)
        targets_.push_back(static_cast<float>(shared.normal(i) + 0.3 * own.normal(i)));
    }
  }

  const Layout& layout() const override { return layout_; }
  std::vector<float> first() const override { return std::vector<float>(size(), 0.0F); }
  void gradient(int32_t worker, int64_t step, std::span<const float> x,
                std::span<float> g) const override {
    const std::span<const float> targets = targets_of(worker);
    const Random noise =
        random_of(options_.seed ^ 1, Purpose::kData, static_cast<uint32_t>(worker));
    // One draw for each step, spread over the parameters: a batch differs from the next.
    const auto drawn = static_cast<float>(noise.uniform(static_cast<uint64_t>(step))) - 0.5F;
    for (size_t i = 0; i < x.size(); ++i) {
      const float d = x[i] - targets[i] + ((i & 1U) == 0 ? drawn : -drawn) * 0.25F;
      g[i] = d + d * d * d;
    }
  }
  double loss(std::span<const float> x) const override {
    double sum = 0;
    for (int32_t worker = 0; worker < options_.workers; ++worker) {
      const std::span<const float> targets = targets_of(worker);
      for (size_t i = 0; i < x.size(); ++i) {
        const double d = static_cast<double>(x[i]) - static_cast<double>(targets[i]);
        sum += d * d / 2 + d * d * d * d / 4;
      }
    }
    return sum / static_cast<double>(targets_.size());
  }

 private:
  size_t size() const { return static_cast<size_t>(layout_.count()); }
  std::span<const float> targets_of(int32_t worker) const {
    return std::span(targets_).subspan(static_cast<size_t>(worker) * size(), size());
  }

  const ToyModelOptions options_;
  Layout layout_;
  std::vector<float> targets_;  // by worker
};

// I inputs, H hidden units.
class TwoLayer final : public ToyModel {
 public:
  explicit TwoLayer(const ToyModelOptions& options)
      : options_(options), hidden_(16 * static_cast<size_t>(options.width)) {
    const auto hidden = static_cast<int64_t>(hidden_);
    layout_.add("in", {hidden, kInputs}, Role::kMatrix, 0);
    layout_.add("in_bias", {hidden}, Role::kBias, 0);
    layout_.add("out", {hidden}, Role::kMatrix, 1);
    layout_.add("out_bias", {1}, Role::kBias, 1);
    const std::vector<float> teacher = parameters(1);
    std::vector<float> units(hidden_);
    for (int32_t worker = 0; worker < options.workers; ++worker) {
      const Random own = random_of(options.seed, Purpose::kData, static_cast<uint32_t>(worker));
      uint64_t drawn = kInputs;
      for (size_t sample = 0; sample < kPool; ++sample) {
        for (uint64_t i = 0; i < kInputs; ++i)
          inputs_.push_back(static_cast<float>(own.normal(drawn++) + 0.5 * own.normal(i)));
        answers_.push_back(answer(teacher, {&inputs_.back() + 1 - kInputs, kInputs}, units));
      }
    }
  }

  const Layout& layout() const override { return layout_; }
  std::vector<float> first() const override { return parameters(0); }

  void gradient(int32_t worker, int64_t step, std::span<const float> x,
                std::span<float> g) const override {
    std::fill(g.begin(), g.end(), 0.0F);
    std::vector<float> units(hidden_);
    const Views w = views(x);
    const std::span<float> g_in = g.first(hidden_ * kInputs);
    const std::span<float> g_bias = g.subspan(g_in.size(), hidden_);
    const std::span<float> g_out = g.subspan(g_in.size() + hidden_, hidden_);
    for (size_t b = 0; b < kBatch; ++b) {
      const size_t sample =
          static_cast<size_t>(worker) * kPool + (static_cast<size_t>(step) * kBatch + b) % kPool;
      const std::span<const float> z = input(sample);
      const float error = (answer(x, z, units) - answers_[sample]) / static_cast<float>(kBatch);
      g.back() += error;
      for (size_t h = 0; h < hidden_; ++h) {
        g_out[h] += error * units[h];
        const float back = error * w.out[h] * (1 - units[h] * units[h]);
        g_bias[h] += back;
        for (size_t i = 0; i < kInputs; ++i) g_in[h * kInputs + i] += back * z[i];
      }
    }
  }
  double loss(std::span<const float> x) const override {
    std::vector<float> units(hidden_);
    double sum = 0;
    for (size_t sample = 0; sample < answers_.size(); ++sample) {
      const double d = static_cast<double>(answer(x, input(sample), units)) -
                       static_cast<double>(answers_[sample]);
      sum += d * d / 2;
    }
    return sum / static_cast<double>(answers_.size());
  }

 private:
  static constexpr size_t kInputs = 8, kPool = 32, kBatch = 8;
  struct Views {
    std::span<const float> in, bias, out;
    float out_bias;
  };

  Views views(std::span<const float> x) const {
    const size_t matrix = hidden_ * kInputs;
    return {x.first(matrix), x.subspan(matrix, hidden_), x.subspan(matrix + hidden_, hidden_),
            x.back()};
  }
  std::span<const float> input(size_t sample) const {
    return std::span(inputs_).subspan(sample * kInputs, kInputs);
  }
  std::vector<float> parameters(uint32_t index) const {
    const Random random = random_of(options_.seed, Purpose::kModel, index);
    std::vector<float> x(static_cast<size_t>(layout_.count()), 0.0F);
    for (size_t i = 0; i < hidden_ * kInputs; ++i)
      x[i] = static_cast<float>(random.normal(i) / std::sqrt(double{kInputs}));
    for (size_t h = 0; h < hidden_; ++h)
      x[hidden_ * (kInputs + 1) + h] = static_cast<float>(random.normal(hidden_ * kInputs + h) /
                                                          std::sqrt(static_cast<double>(hidden_)));
    return x;
  }
  float answer(std::span<const float> x, std::span<const float> z, std::span<float> units) const {
    const Views w = views(x);
    float sum = w.out_bias;
    for (size_t h = 0; h < hidden_; ++h) {
      float before = w.bias[h];
      for (size_t i = 0; i < kInputs; ++i) before += w.in[h * kInputs + i] * z[i];
      units[h] = std::tanh(before);
      sum += w.out[h] * units[h];
    }
    return sum;
  }

  const ToyModelOptions options_;
  const size_t hidden_;
  Layout layout_;
  std::vector<float> inputs_, answers_;  // by worker and sample
};

}  // namespace

std::unique_ptr<ToyModel> make_convex_model(const ToyModelOptions& options) {
  return std::make_unique<Convex>(options);
}
std::unique_ptr<ToyModel> make_two_layer_model(const ToyModelOptions& options) {
  return std::make_unique<TwoLayer>(options);
}

}  // namespace causeway

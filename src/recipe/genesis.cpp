// SPDX-License-Identifier: Apache-2.0
#include "recipe/genesis.h"

#include <algorithm>
#include <optional>

#include "core/memory.h"
#include "recipe/tensor_place.h"
#include "shape/check_weights.h"
#include "sync/mirror.h"

namespace causeway {
namespace {

/// What a run begins with, made or read when it is asked for: nothing of it is held here.
class FirstReplica final : public Replica {
 public:
  /// `files` is null for parameters of the seed.
  FirstReplica(const Recipe& recipe, const WeightFiles* files) : recipe_(recipe), files_(files) {}

  std::vector<std::string> states() const override {
    std::vector<std::string> out = replica_states(recipe_);
    std::erase(out, "g");
    return out;
  }
  /// Of x: whole tensors, such as the region of the layout.
  void read(std::string_view state, const Region& region, std::span<float> packed) const override {
    std::ranges::fill(packed, 0.0F);
    const std::vector<std::string> moments = recipe_.optimizer->states();
    const auto moment = std::ranges::find(moments, state);
    if (state != "x" && moment == moments.end()) return;
    size_t at = 0;
    for (const Span& span : region.spans) {
      const auto part = packed.subspan(at, static_cast<size_t>(span.count));
      fill(span, part, [&](size_t index, const Tensor& tensor, std::span<float> values) {
        if (state == "x") return make(index, tensor, values);
        start(static_cast<size_t>(moment - moments.begin()), tensor, values);
      });
      at += part.size();
    }
  }
  void write(std::string_view state, const Region&, std::span<const float>) override {
    CW_CHECK(false, "state {} of a first replica is written", state);
  }
  void reset_optimizer() override {}

  /// What could not be read.
  const std::optional<Error>& trouble() const { return trouble_; }

 private:
  /// Calls make(index, tensor, all its values) for the tensors of a span, and keeps what is in it.
  template <class Make>
  void fill(const Span& span, std::span<float> values, const Make& make) const {
    const auto& tensors = recipe_.shape->layout().tensors();
    std::vector<float> cut;
    for (size_t i = 0; i < tensors.size(); ++i) {
      const Tensor& tensor = tensors[i];
      const int64_t begin = std::max(tensor.begin, span.begin);
      const int64_t end = std::min(tensor.begin + tensor.count, span.begin + span.count);
      if (!tensor.alias_of.empty() || begin >= end) continue;
      const auto out =
          values.subspan(static_cast<size_t>(begin - span.begin), static_cast<size_t>(end - begin));
      if (end - begin == tensor.count) {
        make(i, tensor, out);
        continue;
      }
      cut.resize(static_cast<size_t>(tensor.count));
      make(i, tensor, cut);
      std::copy_n(cut.begin() + (begin - tensor.begin), out.size(), out.begin());
    }
  }
  /// The optimizer's state of this number.
  void start(size_t moment, const Tensor& tensor, std::span<float> values) const {
    const TensorPlace place = tensor_place(tensor);
    std::ranges::fill(values, 0.0F);
    if (!recipe_.optimizer->takes_whole(place)) return;
    std::vector<std::vector<float>> states(recipe_.optimizer->states().size(),
                                           std::vector<float>(values.size()));
    recipe_.optimizer->start_tensor(place,
                                    std::vector<std::span<float>>(states.begin(), states.end()));
    std::ranges::copy(states[moment], values.begin());
  }
  void make(size_t index, const Tensor& tensor, std::span<float> values) const {
    if (files_ == nullptr)
      return recipe_.shape->initialise(static_cast<uint64_t>(recipe_.run.seed), index, values);
    if (auto read = files_->read_floats(tensor.name, values); !read && !trouble_)
      trouble_ = read.error();
  }

  const Recipe& recipe_;
  const WeightFiles* const files_;
  mutable std::optional<Error> trouble_;
};

/// Calls with a replica that stands where the run begins.
template <class Call>
Result<void> with_first(const Recipe& recipe, const Call& call) {
  std::optional<WeightFiles> files;
  if (!recipe.model.init.empty()) {
    CW_ASSIGN(files, WeightFiles::open(recipe.model.init));
    CW_TRY(check_weights(*files, recipe.shape->layout()));
  }
  const FirstReplica first(recipe, files ? &*files : nullptr);
  CW_TRY(call(first));
  if (first.trouble()) return *first.trouble();
  return {};
}

Region all_of(const BoundPlan& plan) { return {{{0, plan.count()}}}; }

}  // namespace

Result<std::vector<float>> first_parameters(const Recipe& recipe) {
  const int64_t count = recipe.shape->layout().count();
  auto x = large_zeros<float>(static_cast<size_t>(count));
  CW_TRY(with_first(recipe, [&](const FirstReplica& first) {
    first.read("x", Region{{{0, count}}}, x);
    return Result<void>();
  }));
  return x;
}

Result<Digest> save_genesis(const Recipe& recipe, const BoundPlan& plan,
                            const std::function<Result<void>(ByteSpan)>& write) {
  Digest weights;
  CW_TRY(with_first(recipe, [&](const FirstReplica& first) -> Result<void> {
    if (can_mirror(plan)) {
      const Mirror mirror(plan, plan.count(), first);
      weights = mirror.digest_of_state("x");
      return mirror.save(write);
    }
    auto x = large_zeros<float>(static_cast<size_t>(plan.count()));
    first.read("x", all_of(plan), x);
    weights = digest_of(std::as_bytes(std::span(x)));
    return write(std::as_bytes(std::span(x)));
  }));
  return weights;
}

Result<Bytes> genesis_of(const Recipe& recipe, const BoundPlan& plan) {
  Bytes out;
  const auto saved = save_genesis(recipe, plan, [&out](ByteSpan bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
    return Result<void>();
  });
  if (!saved) return saved.error();
  return out;
}

}  // namespace causeway

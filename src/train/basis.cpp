// SPDX-License-Identifier: Apache-2.0
#include "train/basis.h"

#include <fmt/ranges.h>

#include "data/safetensors.h"
#include "train/weights.h"

namespace causeway {

std::unique_ptr<const Model> make_model(const Recipe& recipe) {
  Mistakes mistakes;
  auto model =
      make_plugin(models(), "model", {recipe.model.preset, recipe.model_options}, mistakes);
  CW_CHECK(model != nullptr && mistakes.empty(), "a shape without a model: {}", mistakes.text());
  return model;
}

StepOptions step_options(const Recipe& recipe) {
  const TrainOptions& train = recipe.train;
  return {train.precision == Precision::kBf16 ? at::kBFloat16 : at::kFloat, train.lanes,
          train.micro_tokens, train.recompute};
}

Basis::Basis(const Recipe& recipe)
    : recipe_(recipe),
      model_(make_model(recipe)),
      placement_(std::make_shared<const Placement>(model_->layout())) {}

Result<std::unique_ptr<Basis>> Basis::make(const Recipe& recipe,
                                           const std::vector<WorkerId>& workers, bool closes) {
  CW_CHECK(recipe.shape != nullptr && recipe.optimizer != nullptr,
           "a recipe with mistakes must not be run");
  std::unique_ptr<Basis> basis(new Basis(recipe));
  std::set<int32_t> sites;
  for (const WorkerId worker : workers) sites.insert(recipe.site_of(worker));
  CW_ASSIGN(basis->sources_, open_sites(recipe, sites));
  CW_ASSIGN(basis->plan_, bind_plan(recipe, closes));
  return basis;
}

Result<Worker::Parts> Basis::parts(WorkerId id, Orders* orders) const {
  CW_ASSIGN(auto feed, open_feed(id));
  const int64_t parts = orders == nullptr ? 1 : orders->group().size();
  return Worker::Parts{id, replica(parts), std::move(feed), orders};
}

std::unique_ptr<TrainReplica> Basis::replica(int64_t parts) const {
  StepOptions options = step_options(recipe_);
  options.parts = parts;
  return std::make_unique<TrainReplica>(*model_, placement_, *recipe_.optimizer, options,
                                        recipe_.objective.get());
}

Result<void> Basis::first_weights(TrainReplica& replica) const {
  Arena& x = replica.arena("x");
  if (!recipe_.model.init.empty()) {
    CW_TRY(read_weights(recipe_.model.init, x));
  } else {
    model_->initialise(static_cast<uint64_t>(recipe_.run.seed), x);
  }
  return {};
}

/// The recording must serve the whole run, before any of it is done.
Result<void> Basis::check_recording() const {
  CW_ASSIGN(const Safetensors file, Safetensors::open(recipe_.data.recorded));
  CW_ASSIGN(const TensorView tokens, file.find("tokens"));
  const std::vector<int64_t> wanted{recipe_.run.steps, recipe_.workers(), recipe_.rows(),
                                    recipe_.shape->context() + 1};
  const bool serves = tokens.shape.size() == 4 && tokens.shape[0] >= wanted[0] &&
                      tokens.shape[1] >= wanted[1] && tokens.shape[2] == wanted[2] &&
                      tokens.shape[3] == wanted[3];
  if (serves) return {};
  return failure(Fault::kBadInput,
                 "{}: `tokens` is [{}]; this run wants [steps >= {}, workers >= {}, rows {}, "
                 "context + 1 = {}]: change run.steps, sync.workers, train.batch_tokens or "
                 "model.context",
                 recipe_.data.recorded, fmt::join(tokens.shape, ", "), wanted[0], wanted[1],
                 wanted[2], wanted[3]);
}

Result<std::unique_ptr<Feed>> Basis::open_feed(WorkerId worker) const {
  if (!recipe_.data.recorded.empty()) {
    CW_TRY(check_recording());
    return recorded_feed(recipe_.data.recorded, worker);
  }
  const auto site = static_cast<size_t>(site_of(worker));
  if (sources_[site].empty())
    return failure(
        Fault::kBadInput,
        "site {}: there is no text here; wanted: [[data.site]] with `train` files, in the "
        "file of --sites or --config",
        recipe_.sites[site].options.name);
  std::vector<WeightedSource> weighted;
  for (size_t i = 0; i < sources_[site].size(); ++i) {
    const int64_t tokens = sources_[site][i]->train_tokens();
    if (tokens < recipe_.shape->context() + 1)
      return failure(Fault::kBadInput,
                     "site {}: a source has {} training tokens; wanted: at least context + 1 = {}",
                     recipe_.sites[site].options.name, tokens, recipe_.shape->context() + 1);
    weighted.push_back({sources_[site][i], recipe_.sites[site].sources[i].weight,
                        recipe_.sites[site].options.name, recipe_.tokenizer->vocabulary()});
  }
  return mixed_feed(std::move(weighted), static_cast<uint64_t>(recipe_.run.seed), worker);
}

}  // namespace causeway

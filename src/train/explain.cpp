// SPDX-License-Identifier: Apache-2.0
#include "train/explain.h"

#include <ATen/ops/zeros.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <string>

#include "data/corpus.h"
#include "exchange/fold.h"
#include "train/team.h"

namespace causeway {
namespace {

constexpr int64_t kFloat = sizeof(float);

int64_t state_values(const std::vector<StateSpec>& specs) {
  int64_t sum = 0;
  for (const StateSpec& spec : specs) sum += spec.count;
  return sum;
}

/// What one worker's engine keeps, and holds while a round is open.
int64_t engine_bytes(const BoundPlan& plan) {
  int64_t states = 0, scratch = 0, sent = 0;
  for (const BoundChannel& channel : plan.channels()) {
    const int64_t feedback = state_values(channel.feedback->states(channel.count, Holder::kWorker));
    states += state_values(channel.port->states(channel.region.count())) + feedback;
    if (feedback > 0 || channel.port->settles())
      sent += channel.count + channel.feedback->kept_values(channel.count);
    for (const Wire& wire : channel.wires)
      scratch = std::max({scratch, wire.count, wire.consensus});
  }
  return kFloat * (states + scratch + sent);
}

/// Offers that wait, the consensus, and the folder's states with their copy while a round folds.
int64_t exchange_bytes(const BoundPlan& plan) {
  int64_t states = 0, consensus = 0, results = 0;
  for (int32_t i = 0; i < static_cast<int32_t>(plan.channels().size()); ++i) {
    const BoundChannel& channel = plan.channels()[static_cast<size_t>(i)];
    states += state_values(folder_states(channel));
    for (const Wire& wire : channel.wires) consensus = std::max(consensus, wire.consensus);
    results += channel_bytes(plan, i).down;
  }
  return plan.options().workers * waiting_offer_bytes(plan) + results +
         kFloat * (consensus + 2 * states);
}

/// What text takes in memory as tokens, at most: one token for each byte. Bytes as tokens, and
/// shards, are mapped instead. Text that is not there counts nothing; the run will say so.
int64_t token_memory_bytes(const Recipe& recipe) {
  if (recipe.tokenizer == nullptr || recipe.data.tokenizer == "bytes") return 0;
  const int64_t width = recipe.tokenizer->vocabulary() > 65'536 ? 4 : 2;
  int64_t bytes = 0;
  for (const RecipeSite& site : recipe.sites)
    for (const RecipeSource& source : site.sources)
      for (const char* part : {"train", "valid"}) {
        const Value* paths = source.plugin.options.find(part);
        if (source.plugin.name != "text" || paths == nullptr) continue;
        std::vector<std::string> files;
        for (const Value& path : paths->array()) files.push_back(path.string());
        if (const auto corpus = Corpus::open(files)) bytes += (*corpus)->size_bytes();
      }
  return width * bytes;
}

}  // namespace

int64_t MemoryPrediction::sum() const {
  return std::accumulate(parts.begin(), parts.end(), int64_t{0},
                         [](int64_t sum, const Part& part) { return sum + part.bytes; });
}

MemoryPrediction predict_memory(const Recipe& recipe, const BoundPlan& plan,
                                int64_t program_bytes) {
  const auto owned = make_model(recipe);
  const Model& model = *owned;
  const int64_t arena = kFloat * Placement(model.layout()).size();
  const int64_t workers = recipe.workers();
  const int64_t threads = std::min<int64_t>(thread_count(recipe.run.threads), workers);
  const auto moments = static_cast<int64_t>(recipe.optimizer->states().size());
  const auto kept = static_cast<int64_t>(recipe.objective->states().size());
  MemoryPrediction out{{
      {"program and libraries", program_bytes},
      {"parameters", workers * arena},
      {"gradients", workers * arena},
      {"optimizer", workers * moments * arena},
      {"synchronisation state", workers * engine_bytes(plan)},
      {"offers and consensus", exchange_bytes(plan)},
      {"mean of the replicas", arena},
      {"text as tokens", token_memory_bytes(recipe)},
      {"step", threads * model.step_bytes(recipe.rows(), model.context(), step_options(recipe),
                                          threads_of_worker(recipe))},
  }};
  const int64_t objective = (workers * kept + threads * recipe.objective->copies()) * arena;
  if (objective > 0) out.parts.push_back({"objective", objective});
  return out;
}

int64_t program_memory_bytes() {
  prepare_compute_thread();
  Value sizes;
  sizes.set("layers", 1);
  sizes.set("width", 16);
  sizes.set("heads", 2);
  sizes.set("context", 8);
  Mistakes mistakes;
  const auto model = make_plugin(models(), "model", {"llama", sizes}, mistakes);
  CW_CHECK(mistakes.empty(), "{}", mistakes.text());
  const auto placement = std::make_shared<const Placement>(model->layout());
  Arena x(placement), g(placement);
  model->initialise(1, x);
  model->loss_and_gradient(x, at::zeros({2, 9}, at::kLong), g, {});
  return resident_memory_bytes();
}

int64_t peak_memory_bytes() {
  // Not getrusage: what it tells begins with the memory of the program that started this one.
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::atoll(line.c_str() + line.find(':') + 1) * 1024;
  return 0;
}

}  // namespace causeway

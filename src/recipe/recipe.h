// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/options.h"
#include "data/source.h"
#include "exchange/hub_options.h"
#include "optim/inner.h"
#include "optim/objective.h"
#include "optim/schedule.h"
#include "shape/shape.h"
#include "sync/plan.h"
#include "sync/preset.h"
#include "tokenizer/tokenizer.h"

namespace causeway {

struct RunOptions {
  std::string name = "run";
  int64_t seed = 1;
  int64_t steps = 1000;
  std::string folder;
  int64_t threads = 0;
  bool pin = false;
  int64_t checkpoint_every = 0;
  int64_t keep = 2;
  int64_t valid_every = 0;
  int64_t valid_tokens = 65'536;

  template <class Visit>
  void each(Visit&& visit) {
    visit("name", name, Required{}, "", "Name of the run.");
    visit("seed", seed, Range<int64_t>{0}, "", "Decides weights, data order and every draw.");
    visit("steps", steps, Range<int64_t>{1, 1'000'000'000}, "steps",
          "Steps of each worker: the clock that schedules and channels share.");
    visit("folder", folder, Any{}, "", "Where the run is written; empty: runs/NAME.");
    visit("threads", threads, Range<int64_t>{0, 1024}, "threads",
          "Threads that carry the workers; 0: the machine's cores. Never changes a bit, unless a "
          "worker has several and its step one lane (train.lanes).");
    visit("pin", pin, Any{}, "", "Keep each thread on one core.");
    visit("checkpoint_every", checkpoint_every, Range<int64_t>{0}, "steps",
          "Steps between checkpoints; 0: one tenth of the run.");
    visit("keep", keep, Range<int64_t>{1, 1000}, "", "Checkpoints kept: the last ones.");
    visit("valid_every", valid_every, Range<int64_t>{0}, "steps",
          "Steps between validations; 0: one tenth of the run.");
    visit("valid_tokens", valid_tokens, Range<int64_t>{1}, "tokens",
          "Most tokens of a site in a validation on the way; the first and the last take all.");
  }
};

struct ModelOptions {
  std::string preset = "llama";
  std::string init;

  template <class Visit>
  void each(Visit&& visit) {
    visit("preset", preset, Required{}, "", "Family of models: see `causeway list models`.");
    visit(
        "init", init, Any{}, "",
        "First weights: a safetensors file, or a folder in Hugging Face's form, a run's checkpoint "
        "among them, which then states the sizes too. Empty: the seed.");
  }
};

struct SiteOptions {
  std::string name;
  int64_t weight = 1;
  double speed = 1;
  std::string kind = "text";
  std::vector<Value> source;

  template <class Visit>
  void each(Visit&& visit) {
    visit("name", name, Required{}, "", "Name of the site.");
    visit("weight", weight, Range<int64_t>{1, (1 << 29) - 1}, "",
          "What its workers count if sync.weight = \"fixed\".");
    visit("speed", speed, Range<double>{1e-3, 1}, "",
          "Steps that its workers train in a step of the run: below 1 they rest in between, as "
          "slow machines would be late.");
    visit("kind", kind, Required{}, "",
          "Kind of source in this table, or in a `source` without its own: see `causeway list "
          "sources`.");
    visit("source", source, Any{}, "",
          "Several weighted sources: [[data.site.source]] tables with `kind`, `weight` and the "
          "kind's options. A single one may be written into the site's own table.");
  }
};

struct DataOptions {
  std::string tokenizer = "bytes";
  std::string recorded;
  std::vector<Value> site;

  template <class Visit>
  void each(Visit&& visit) {
    visit("tokenizer", tokenizer, Required{}, "",
          "bytes: a token is a byte, 256 in all. Else a tokenizer.json or a folder with one. Left "
          "out: that of the folder model.init, if it has one.");
    visit(
        "recorded", recorded, Any{}, "",
        "A safetensors file with `tokens` [steps, workers, rows, context + 1]: batches as another "
        "system saw them. Sites then only give names and weights, and may be left out.");
    visit("site", site, Any{}, "", "The places with their own text: [[data.site]] tables.");
  }
};

/// What to do when a gradient is not finite.
enum class OnNonFinite : uint8_t { kStop = 1, kSkip = 2 };

/// What a step's products are computed in. Weights, sums and states are fp32 in both.
enum class Precision : uint8_t { kFp32 = 1, kBf16 = 2 };

struct TrainOptions {
  int64_t batch_tokens = 4096;
  Precision precision = Precision::kFp32;
  int64_t micro_tokens = 1024;
  int64_t lanes = 0;
  bool recompute = false;
  Plugin optimizer{"adamw", {}};
  Plugin objective{"plain", {}};
  Value schedule = Value::Table{};
  double clip = 1.0;
  OnNonFinite on_nonfinite = OnNonFinite::kStop;

  template <class Visit>
  void each(Visit&& visit) {
    visit("batch_tokens", batch_tokens, Range<int64_t>{1, 1 << 30}, "tokens",
          "Tokens of one step of one worker: rows x context.");
    visit("precision", precision,
          Choices<Precision>{{{"fp32", Precision::kFp32}, {"bf16", Precision::kBf16}}}, "",
          "Of products and of what is kept for the backward pass. Weights, sums, gradients and the "
          "optimizer's states are fp32 in both.");
    visit("micro_tokens", micro_tokens, Range<int64_t>{1, 1 << 30}, "tokens",
          "Tokens that go through the model at once, in whole rows: memory grows with it.");
    visit("lanes", lanes, Range<int64_t>{0, 1024}, "",
          "Parts of a step's rows that the threads of one worker share out, each with gradients of "
          "its own; 0: by the model's size, at least two where there are rows for it.");
    visit("recompute", recompute, Any{}, "",
          "Keep only each block's input and compute the rest again in the backward pass: less "
          "memory, a third more work.");
    visit("optimizer", optimizer, Required{}, "",
          "Inner optimizer: see `causeway list optimizers`.");
    visit(
        "objective", objective, Any{}, "",
        "What a local step optimises: see `causeway list objectives`. A site of several processes "
        "knows `plain` alone.");
    visit("schedule", schedule, Any{}, "",
          "Learning rate over the run: see `causeway list recipe`.");
    visit("clip", clip, Range<double>{0}, "", "Most norm of the gradient; 0: no clip.");
    visit("on_nonfinite", on_nonfinite,
          Choices<OnNonFinite>{{{"stop", OnNonFinite::kStop}, {"skip", OnNonFinite::kSkip}}}, "",
          "A gradient with NaN or Inf: end the run, or leave out that update and say so.");
  }
};

/// Values are fixed: recipes have their names.
enum class ExchangeKind : uint8_t { kLocal = 1, kHub = 2 };

struct ExchangeOptions {
  ExchangeKind kind = ExchangeKind::kLocal;
  Value hub = Value::Table{};

  template <class Visit>
  void each(Visit&& visit) {
    visit("kind", kind,
          Choices<ExchangeKind>{{{"local", ExchangeKind::kLocal}, {"hub", ExchangeKind::kHub}}}, "",
          "local: `causeway train` may run it, all replicas in one process. hub: only `causeway "
          "hub`, with workers at other places; it takes local ones too.");
    visit("hub", hub, Any{}, "",
          "How a hub runs its rounds, where `causeway hub` trains the recipe with workers at other "
          "places: see `causeway list recipe`.");
  }
};

struct RecipeSource {
  Plugin plugin;
  double weight = 1.0;
};

struct RecipeSite {
  SiteOptions options;
  std::vector<RecipeSource> sources;
};

/// A run as its recipe states it: read, checked and complete. Plain data beside the plug-ins.
struct Recipe {
  RunOptions run;
  ModelOptions model;
  Value model_options;  ///< of the shape, and of its model
  DataOptions data;
  std::vector<RecipeSite> sites;
  TrainOptions train;
  Schedule schedule;
  SyncTable sync;
  ExchangeOptions exchange;
  HubOptions hub;
  std::string base;  ///< folder of the recipe: relative paths start here, else where we are
  std::vector<std::string> notes;  ///< what the method changed of what the recipe says

  std::shared_ptr<const Tokenizer> tokenizer;
  std::shared_ptr<const ModelShape> shape;
  std::shared_ptr<const InnerOptimizer> optimizer;
  std::shared_ptr<const Objective> objective;
  Plan plan;

  int32_t workers() const;
  /// Worker m belongs to site m modulo their number.
  int32_t site_of(int32_t worker) const {
    return sites.empty() ? 0 : worker % static_cast<int32_t>(sites.size());
  }
  int64_t rows() const { return train.batch_tokens / shape->context(); }
  std::string folder() const;
  int64_t checkpoint_every() const;
  int64_t valid_every() const;
  /// Whether model.init is a folder in Hugging Face's form.
  bool starts_from_folder() const;
  /// Every default written out, with paths made absolute, but for the objective `plain`: recipes
  /// are known by this text, and runs from before there were others go on. Parses to the same
  /// recipe.
  Value resolved() const;
};

/// Whether the sites' text is to be read here.
enum class SiteText : uint8_t {
  kHere = 1,
  kElsewhere = 2,  ///< a site may be without sources: its text is at another place
};

/// Names of the states of a replica that trains by the recipe, which has no mistakes.
std::vector<std::string> replica_states(const Recipe& recipe);

/// Reads a recipe's table. All mistakes are told at once; if there are any, the recipe is not
/// to be used. `base` is the folder of the recipe's file.
Recipe read_recipe(const Value& root, const std::string& base, Mistakes& mistakes,
                   SiteText text = SiteText::kHere);

/// Parses the file, applies `--set` assignments and reads it.
Recipe load_recipe(const std::string& path, const std::vector<std::string>& assignments,
                   Mistakes& mistakes, SiteText text = SiteText::kHere);

/// The plan bound to the model, for the recipe's workers: the same for hub and workers, and then
/// with a closing channel. Of a recipe without mistakes; Fault::kBadInput.
Result<std::unique_ptr<BoundPlan>> bind_plan(const Recipe& recipe, bool closes = false);

}  // namespace causeway

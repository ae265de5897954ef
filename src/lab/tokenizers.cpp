// SPDX-License-Identifier: Apache-2.0
#include "lab/tokenizers.h"

#include <filesystem>
#include <numbers>

#include "core/durable.h"
#include "recipe/recipe.h"
#include "tokenizer/tokenizer.h"
#include "train/sites.h"

namespace causeway {
namespace {

/// The words of a site's training part, and of nothing that it holds back. Tokens of an opened
/// source are bytes here.
WordCounts count_words(const Sources& sources, Words words) {
  WordCounter counter(words);
  for (const auto& source : sources) {
    std::vector<int32_t> tokens(static_cast<size_t>(source->train_tokens()));
    source->train(0, tokens);
    counter.add(std::string(tokens.begin(), tokens.end()));
  }
  return counter.counts();
}

Result<void> learn_to(const std::vector<WordCounts>& sites, const LearnOptions& options,
                      const std::string& path) {
  CW_ASSIGN(const WordCounts merged, merge_counts(sites));
  CW_ASSIGN(const std::string text, learn_tokenizer(merged, options));
  return write_file_atomically(path, text);
}

/// Writes folder/federated.json and folder/pooled.json, and folder/SITE.counts.
Result<void> learn_both(Recipe recipe, const std::string& folder,
                        const TokenizersOptions& options) {
  recipe.tokenizer = bytes_tokenizer();
  CW_ASSIGN(const auto sites, open_sites(recipe));
  std::vector<WordCounts> pooled, shared;
  for (size_t i = 0; i < sites.size(); ++i) {
    pooled.push_back(count_words(sites[i], options.words));
    shared.push_back(shared_counts(pooled.back(), options.sharing));
    CW_TRY(write_counts(folder + "/" + recipe.sites[i].options.name + ".counts", shared.back()));
  }
  CW_TRY(learn_to(shared, options.learn, folder + "/federated.json"));
  return learn_to(pooled, options.learn, folder + "/pooled.json");
}

/// Sums over sites; a site's bytes follow from its bits and bits per byte.
void add_losses(const RunSummary& summary, TokenizerRow& row) {
  double tokens = 0, bytes = 0, bits = 0;
  for (const ValidReport& one : summary.last_valid) {
    const double site_bits =
        one.nats_per_token * static_cast<double>(one.tokens) / std::numbers::ln2;
    row.sites.emplace_back(one.site, one.bits_per_byte);
    tokens += static_cast<double>(one.tokens);
    bits += site_bits;
    if (one.bits_per_byte > 0) bytes += site_bits / one.bits_per_byte;
  }
  row.bytes_per_token = tokens > 0 ? bytes / tokens : 0;
  row.bits_per_byte = bytes > 0 ? bits / bytes : 0;
}

}  // namespace

Result<std::vector<TokenizerRow>> compare_tokenizers(const TrialRecipe& trial,
                                                     const std::string& folder,
                                                     const TokenizersOptions& options,
                                                     const TrialContext& context) {
  Mistakes mistakes;
  const Recipe recipe = read_recipe(trial.root, trial.base, mistakes);
  if (!mistakes.empty()) return failure(Fault::kBadInput, "{}", mistakes.text());
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return failure(Fault::kIo, "{}: cannot be made: {}", folder, error.message());
  CW_TRY(learn_both(recipe, folder, options));
  std::vector<TokenizerRow> out;
  for (const std::string name : {"bytes", "federated", "pooled"}) {
    TrialRecipe one = trial;
    change(one.root, "run.name", recipe.run.name + "-" + name);
    change(
        one.root, "data.tokenizer",
        name == "bytes" ? name : std::filesystem::absolute(folder).string() + "/" + name + ".json");
    if (Value* model = one.root.find("model"); model != nullptr)
      std::erase_if(model->table(), [](const auto& pair) { return pair.first == "vocabulary"; });
    CW_ASSIGN(const RunSummary summary, run_trial(one, folder + "/" + name, context));
    TokenizerRow row{name};
    const Recipe used = read_recipe(one.root, one.base, mistakes);
    row.vocabulary = used.shape->vocabulary();
    row.parameters = used.shape->layout().count();
    row.seconds = summary.seconds;
    add_losses(summary, row);
    out.push_back(std::move(row));
  }
  return out;
}

}  // namespace causeway

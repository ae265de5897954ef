// SPDX-License-Identifier: Apache-2.0
#include "train/model_card.h"

#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/toml.h"
#include "record/run_facts.h"
#include "record/words.h"
#include "shape/json_file.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;

/// The run that the folder is a checkpoint of, and the checkpoint's step.
struct Origin {
  std::string run_folder;
  int64_t step = 0;
};

std::optional<Origin> origin_of(const std::string& folder) {
  std::error_code error;
  const fs::path path = fs::canonical(folder, error);
  const std::string name = path.filename().string();
  Origin out{path.parent_path().parent_path().string(), 0};
  const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), out.step);
  const bool number = bad == std::errc() && end == name.data() + name.size();
  if (!number || path.parent_path().filename() != "checkpoints" ||
      !fs::exists(path / "manifest.json", error))
    return {};
  return out;
}

/// Text from outside in a table's cell.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : printable_text(text)) {
    if (c == '|' || c == '\\' || c == '`' || c == '<') out += '\\';
    out += c;
  }
  return out;
}

std::string bits(const std::optional<double>& value) {
  return value ? fmt::format("{:.4f}", *value) : "not measured";
}

std::string model_type(const SavedModel& saved) {
  const auto config = parse_object(saved.config.json, "config.json");
  return config ? cell(config->value("model_type", "unknown")) : "unknown";
}

std::string head_text(const SavedModel& saved, const std::string& name) {
  return fmt::format(
      "---\nlibrary_name: transformers\npipeline_tag: text-generation\ntags:\n- causeway\n- {}\n"
      "---\n\n# {}\n\nA language model of {} parameters, architecture {}, context of {} tokens, "
      "vocabulary of {}.\n",
      model_type(saved), name, grouped_text(saved.model->layout().count()), model_type(saved),
      grouped_text(saved.model->context()), grouped_text(saved.model->vocabulary()));
}

std::string loading_text() {
  return "\n## Loading\n\n```python\nfrom transformers import AutoModelForCausalLM, "
         "AutoTokenizer\n\ntokenizer = AutoTokenizer.from_pretrained(\"FOLDER\")\nmodel = "
         "AutoModelForCausalLM.from_pretrained(\"FOLDER\")\ninputs = tokenizer(\"Once\", "
         "return_tensors=\"pt\")\nprint(tokenizer.decode(model.generate(**inputs, "
         "max_new_tokens=50)[0]))\n```\n";
}

std::string data_text(const RunFacts& facts) {
  std::string out =
      "\n## Data\n\n| site | workers | training tokens | validation tokens |\n|---|---|---|---|\n";
  for (const SiteFacts& site : facts.sites)
    out += fmt::format("| {} | {} | {} | {} |\n", cell(site.info.name), site.workers,
                       grouped_text(site.info.train_tokens), grouped_text(site.info.valid_tokens));
  return out + fmt::format("\nAll workers together trained on {} tokens, repetitions included.\n",
                           grouped_text(facts.trained_tokens));
}

std::string method_text(const RunFacts& facts) {
  std::string out = fmt::format(
      "\n## Method\n\nTrained with Causeway: each site's data stays in its place, and what the "
      "workers exchange are the channels below (method `{}`). {} of {} steps, {} rounds.\n\n"
      "| channel | port | region | codec up | codec down | values | period |\n"
      "|---|---|---|---|---|---|---|\n",
      cell(facts.method), grouped_text(facts.step), grouped_text(facts.steps),
      grouped_text(facts.rounds));
  for (const ChannelInfo& one : facts.channels)
    out += fmt::format("| {} | {} | {} | {} | {} | {} | {} |\n", cell(one.name), cell(one.port),
                       cell(one.region), cell(one.up), cell(one.down), grouped_text(one.values),
                       one.period);
  return out;
}

std::string bytes_section(const RunFacts& facts) {
  const double ddp =
      static_cast<double>(facts.ddp_bytes_per_step) * static_cast<double>(facts.step);
  const double sent = static_cast<double>(facts.up_bytes) + static_cast<double>(facts.down_bytes);
  std::string out = fmt::format(
      "\n## Bytes\n\n| what | bytes |\n|---|---|\n| sent by all workers | {} |\n| received by all "
      "workers | {} |\n| both | {:.0f} |\n| data-parallel training with fp32 gradients would have "
      "moved | {:.0f} |\n",
      facts.up_bytes, facts.down_bytes, sent, ddp);
  if (sent > 0 && ddp > 0) out += fmt::format("\nThe ratio is {:.1f}.\n", ddp / sent);
  return out;
}

std::string losses_text(const RunFacts& facts) {
  std::string out =
      "\n## Losses\n\nBits per byte of each site's validation text under the mean of all "
      "replicas.\n\n| site | before training | last validation | its step |\n|---|---|---|---|\n";
  for (const SiteFacts& site : facts.sites)
    out +=
        fmt::format("| {} | {} | {} | {} |\n", cell(site.info.name), bits(site.first_bits_per_byte),
                    bits(site.last_bits_per_byte), grouped_text(site.last_step));
  return out;
}

std::string hashes_text(const Exported& exported) {
  std::string out = fmt::format(
      "\n## Hashes\n\nWeights: `xxh3:{}` (XXH3-128 of all parameters as float32 in the order of "
      "the layout), stored here as {}.\n\n| file | bytes | XXH3-128 |\n|---|---|---|\n",
      exported.weights.hex(), exported.dtype);
  for (const ExportedFile& file : exported.files)
    out += fmt::format("| {} | {} | `{}` |\n", cell(file.name), file.bytes, file.digest);
  return out;
}

std::string recipe_text(const std::string& recipe) {
  std::string fence = "```";
  while (recipe.find(fence) != recipe.npos) fence += '`';
  return fmt::format("\n## Recipe\n\n{}toml\n{}\n{}\n", fence, recipe, fence);
}

/// The weights that the run began with, as its recipe has it.
std::string start_text(const std::string& recipe) {
  Mistakes ignored;
  const Value root = parse_toml(recipe, "recipe.toml", ignored);
  const Value* model = root.find("model");
  const Value* init = model == nullptr ? nullptr : model->find("init");
  if (init == nullptr || !init->is(Value::Kind::kString) || init->string().empty())
    return "\nTraining began with random weights.\n";
  return fmt::format("\nTraining began with the weights of `{}`.\n",
                     printable_text(fs::path(init->string()).filename().string()));
}

std::string run_text(const RunFacts& facts, const Exported& exported) {
  return start_text(facts.recipe_toml) + loading_text() + data_text(facts) + method_text(facts) +
         bytes_section(facts) + losses_text(facts) + hashes_text(exported) +
         recipe_text(facts.recipe_toml);
}

}  // namespace

std::string model_card(const SavedModel& saved, const Exported& exported) {
  const auto origin = origin_of(saved.folder);
  if (!origin) {
    const std::string name = fs::path(saved.folder).lexically_normal().filename().string();
    return head_text(saved, name.empty() ? "Model" : cell(name)) +
           "\nExported by Causeway from a folder that is no checkpoint of a run: where the weights "
           "come from and what they were trained on is not known here.\n" +
           loading_text() + hashes_text(exported);
  }
  const auto facts = read_run_facts(origin->run_folder + "/log.sqlite", origin->step);
  if (!facts)
    return head_text(saved, cell(fs::path(origin->run_folder).filename().string())) +
           fmt::format(
               "\nA checkpoint of a run after {} steps, whose log could not be read: its "
               "data, method and losses are not known here.\n",
               grouped_text(origin->step)) +
           loading_text() + hashes_text(exported);
  return head_text(saved, cell(facts->name)) + run_text(*facts, exported);
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "train/saved_model.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "train/checkpoint.h"
#include "train/weights.h"

namespace causeway {
namespace {

using nlohmann::json;

/// The options of the llama family that a Hugging Face config states.
Value llama_options(const json& config) {
  Value out;
  const int64_t heads = config.at("num_attention_heads").get<int64_t>();
  out.set("layers", config.at("num_hidden_layers").get<int64_t>());
  out.set("width", config.at("hidden_size").get<int64_t>());
  out.set("heads", heads);
  out.set("kv_heads", config.value("num_key_value_heads", heads));
  if (config.contains("head_dim") && config["head_dim"].is_number_integer())
    out.set("head_width", config["head_dim"].get<int64_t>());
  out.set("inner", config.at("intermediate_size").get<int64_t>());
  out.set("context", config.at("max_position_embeddings").get<int64_t>());
  out.set("vocabulary", config.at("vocab_size").get<int64_t>());
  out.set("rope_theta", config.value("rope_theta", 10000.0));
  out.set("norm_eps", config.value("rms_norm_eps", 1e-6));
  out.set("tied", config.value("tie_word_embeddings", false));
  return out;
}

}  // namespace

Result<SavedModel> open_model(const std::string& path) {
  SavedModel out;
  out.folder = path;
  const auto checkpoints = list_checkpoints(path);
  if (!checkpoints.empty()) out.folder = checkpoints.front();
  const std::string config_path = out.folder + "/config.json";
  std::ifstream in(config_path, std::ios::binary);
  if (!in)
    return failure(Fault::kBadInput,
                   "{} is no model: wanted a run's folder, a checkpoint, or a folder with "
                   "config.json and model.safetensors",
                   path);
  const json config = json::parse(in, nullptr, false);
  if (!config.is_object()) return failure(Fault::kBadInput, "{} is no JSON object", config_path);
  const auto type = config.find("model_type");
  if (type == config.end() || *type != "llama")
    return failure(Fault::kBadInput, "{}: model_type is {}; wanted: \"llama\"", config_path,
                   type == config.end() ? "missing" : type->dump());
  Mistakes mistakes;
  try {
    out.model = make_plugin(models(), "model", {"llama", llama_options(config)}, mistakes);
  } catch (const json::exception& broken) {
    return failure(Fault::kBadInput, "{}: {}", config_path, broken.what());
  }
  if (!mistakes.empty()) return failure(Fault::kBadInput, "{}: {}", config_path, mistakes.text());
  out.x = std::make_unique<Arena>(std::make_shared<const Placement>(out.model->layout()));
  CW_TRY(read_weights(out.folder + "/model.safetensors", *out.x));
  return out;
}

}  // namespace causeway

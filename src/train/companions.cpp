// SPDX-License-Identifier: Apache-2.0
#include "train/companions.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/durable.h"
#include "shape/json_file.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kNames[] = {
    "adapter_config.json", "adapter_model.safetensors", "added_tokens.json",
    "chat_template.jinja", "chat_template.json",        "generation_config.json",
    "merges.txt",          "special_tokens_map.json",   "tokenizer.json",
    "tokenizer.model",     "tokenizer_config.json",     "vocab.json",
};
constexpr std::string_view kTemplates = "additional_chat_templates";
constexpr size_t kTemplatesMax = 1000;

bool is_file(const fs::path& path) {
  std::error_code none;
  return fs::is_regular_file(path, none);
}

}  // namespace

std::vector<std::string> companions(const std::string& folder) {
  std::vector<std::string> out;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(fs::path(folder) / kTemplates, none))
    if (entry.path().extension() == ".jinja" && is_file(entry.path()) && out.size() < kTemplatesMax)
      out.push_back(fmt::format("{}/{}", kTemplates, entry.path().filename().string()));
  for (const std::string_view name : kNames)
    if (is_file(fs::path(folder) / name)) out.emplace_back(name);
  std::ranges::sort(out);
  return out;
}

Result<void> carry_companions(const std::string& source, const std::string& target, bool may_link) {
  bool templates = false;
  for (const std::string& name : companions(source)) {
    if (name.starts_with(kTemplates) && !templates) {
      std::error_code error;
      const fs::path folder = fs::path(target) / kTemplates;
      fs::create_directories(folder, error);
      if (error)
        return failure(Fault::kIo, "{}: cannot be made: {}", folder.string(), error.message());
      templates = true;
    }
    CW_TRY(carry_file((fs::path(source) / name).string(), (fs::path(target) / name).string(),
                      may_link));
  }
  if (templates) CW_TRY(sync_path((fs::path(target) / kTemplates).string()));
  return sync_path(target);
}

Result<std::string> adapted_config(const std::string& json, int64_t context, std::string_view dtype,
                                   const std::string& name) {
  CW_TRY(parse_object(json, name));  // its bounds hold for the next line
  auto config = nlohmann::ordered_json::parse(json);
  bool changed = false;
  const auto set = [&](const char* field, const nlohmann::ordered_json& value) {
    if (config.contains(field) && config[field] == value) return;
    config[field] = value;
    changed = true;
  };
  set("max_position_embeddings", context);
  if (!dtype.empty()) {
    if (config.contains("torch_dtype")) set("torch_dtype", dtype);
    if (config.contains("dtype") || !config.contains("torch_dtype")) set("dtype", dtype);
  }
  if (!changed) return json;
  return config.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "shape/weight_files.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "shape/hugging_face_fields.h"
#include "shape/json_file.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr size_t kIndexBytesMax = size_t{64} << 20;
constexpr size_t kShardsMax = 10'000;
constexpr std::string_view kIndex = "model.safetensors.index.json";

bool exists(const std::string& path) {
  std::error_code none;
  return fs::exists(path, none);
}

/// Whether the name can only mean a file beside the index.
bool is_plain(const std::string& name) {
  return name.ends_with(".safetensors") && name.find('/') == name.npos &&
         name.find('\\') == name.npos && name.find('\0') == name.npos;
}

Result<std::string> weights_in(const std::string& folder) {
  for (const std::string_view name : {std::string_view("model.safetensors"), kIndex})
    if (const std::string path = fmt::format("{}/{}", folder, name); exists(path)) return path;
  if (exists(folder + "/adapter_model.safetensors"))
    return failure(Fault::kBadInput,
                   "{} holds an adapter, which this program does not apply; give the folder of "
                   "the whole model",
                   folder);
  return failure(Fault::kBadInput, "{} has neither model.safetensors nor {}", folder, kIndex);
}

/// weight_map, checked.
Result<std::map<std::string, std::string>> read_index(const std::string& path) {
  CW_ASSIGN(const json index, read_object(path, kIndexBytesMax));
  const auto map = index.find("weight_map");
  if (map == index.end() || !map->is_object() || map->empty())
    return failure(Fault::kBadInput, "{}: no `weight_map` from tensors to files", path);
  std::map<std::string, std::string> out;
  for (const auto& [tensor, file] : map->items()) {
    if (!file.is_string() || !is_plain(file.get<std::string>()))
      return failure(Fault::kBadInput,
                     "{}: tensor {} lies in {}; wanted: the name of a .safetensors file in the "
                     "same folder",
                     path, shown(tensor), shown(file));
    out[tensor] = file.get<std::string>();
  }
  return out;
}

}  // namespace

Result<WeightFiles> WeightFiles::open(const std::string& path) {
  std::string file = path;
  std::error_code none;
  if (fs::is_directory(path, none)) {
    CW_ASSIGN(file, weights_in(path));
  }
  WeightFiles out;
  out.path_ = file;
  if (file.ends_with(".json")) {
    CW_TRY(out.add_index(file));
  } else {
    CW_ASSIGN(Safetensors only, Safetensors::open(file));
    out.add_file(std::move(only));
  }
  return out;
}

void WeightFiles::add_file(Safetensors file) {
  for (const auto& [name, view] : file.tensors()) places_[name] = files_.size();
  files_.push_back(std::move(file));
}

Result<void> WeightFiles::add_index(const std::string& path) {
  CW_ASSIGN(const auto map, read_index(path));
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : map) shards.insert(shard);
  if (shards.size() > kShardsMax)
    return failure(Fault::kBadInput, "{}: names {} files; at most {} wanted", path, shards.size(),
                   kShardsMax);
  for (const std::string& shard : shards) {
    CW_ASSIGN(Safetensors file, Safetensors::open((fs::path(path).parent_path() / shard).string()));
    for (const auto& [tensor, view] : file.tensors())
      if (const auto place = map.find(tensor); place == map.end() || place->second != shard)
        return failure(Fault::kBadInput,
                       "{}: {} holds tensor {}, which the index does not place "
                       "there",
                       path, shown(shard), shown(tensor));
    add_file(std::move(file));
  }
  for (const auto& [tensor, shard] : map)
    if (!contains(tensor))
      return failure(Fault::kBadInput, "{}: tensor {} is not in {}", path, shown(tensor),
                     shown(shard));
  return {};
}

std::vector<std::string> WeightFiles::names() const {
  std::vector<std::string> out;
  for (const auto& [name, file] : places_) out.push_back(name);
  return out;
}

const Safetensors& WeightFiles::file_of(std::string_view name) const {
  const auto place = places_.find(name);
  // Where there is no such tensor, the first file's message names the nearest.
  return files_[place == places_.end() ? 0 : place->second];
}

Result<TensorView> WeightFiles::find(std::string_view name) const {
  return file_of(name).find(name);
}

Result<void> WeightFiles::read_floats(std::string_view name, std::span<float> out) const {
  return file_of(name).read_floats(name, out);
}

}  // namespace causeway

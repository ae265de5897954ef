// SPDX-License-Identifier: Apache-2.0
#include "train/export.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "core/durable.h"
#include "data/corpus.h"
#include "train/companions.h"
#include "train/folder_texts.h"
#include "train/half.h"
#include "train/model_card.h"
#include "train/weights.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

std::string dtype_text(DType dtype) {
  switch (dtype) {
    case DType::kBf16:
      return "bfloat16";
    case DType::kF16:
      return "float16";
    default:
      return "float32";
  }
}

/// The type that a tensor is written in. What was stored as F64 has been rounded already.
DType written_dtype(DType stored, const ExportOptions& options) {
  const DType wanted = options.dtype.value_or(stored);
  return wanted == DType::kBf16 || wanted == DType::kF16 ? wanted : DType::kF32;
}

struct Shard {
  std::string name;
  std::vector<size_t> tensors;  ///< indices in the layout
  int64_t bytes = 0;
};

/// Tensors in order of the layout, a new file where the next would not fit.
std::vector<Shard> make_shards(const Layout& layout, const std::vector<DType>& dtypes,
                               int64_t shard_bytes) {
  std::vector<Shard> shards(1);
  for (size_t i = 0; i < layout.tensors().size(); ++i) {
    if (!layout.tensors()[i].alias_of.empty()) continue;
    const int64_t bytes = layout.tensors()[i].count * dtype_bytes(dtypes[i]);
    if (!shards.back().tensors.empty() && shards.back().bytes + bytes > shard_bytes)
      shards.emplace_back();
    shards.back().tensors.push_back(i);
    shards.back().bytes += bytes;
  }
  for (size_t i = 0; i < shards.size(); ++i)
    shards[i].name = shards.size() == 1
                         ? "model.safetensors"
                         : fmt::format("model-{:05d}-of-{:05d}.safetensors", i + 1, shards.size());
  return shards;
}

/// One export, into a folder that nobody sees yet.
class Export {
 public:
  Export(const SavedModel& saved, std::string folder, const ExportOptions& options)
      : saved_(saved), folder_(std::move(folder)), options_(options) {
    for (const DType stored : saved.dtypes) dtypes_.push_back(written_dtype(stored, options));
  }

  Result<Exported> write();

 private:
  const Layout& layout() const { return saved_.model->layout(); }
  bool has(const std::string& name) const { return fs::exists(folder_ + "/" + name); }
  Result<void> add(const std::string& name, const std::string& text) {
    CW_TRY(write_file(folder_ + "/" + name, text));
    return note(name);
  }
  Result<void> write_weights();
  Result<void> write_shard(const Shard& shard);
  Result<ByteSpan> converted(size_t tensor);
  Result<void> write_texts();
  /// Lists a file that is there.
  Result<void> note(const std::string& name);

  const SavedModel& saved_;
  const std::string folder_;
  const ExportOptions& options_;
  std::vector<DType> dtypes_;
  std::vector<std::vector<uint16_t>> buffers_;  ///< of the shard being written
  Exported out_;
};

/// The tensor's bytes as they are to be written: borrowed, or in buffers_.
Result<ByteSpan> Export::converted(size_t tensor) {
  const Placement& placement = saved_.x->placement();
  const auto count = static_cast<size_t>(layout().tensors()[tensor].count);
  const std::span<const float> values = std::as_const(*saved_.x).values().subspan(
      static_cast<size_t>(placement.offset(tensor)), count);
  if (dtypes_[tensor] == DType::kF32) return std::as_bytes(values);
  std::vector<uint16_t>& buffer = buffers_.emplace_back(count);
  const size_t lost =
      dtypes_[tensor] == DType::kBf16 ? to_bf16(values, buffer) : to_half(values, buffer);
  if (lost > 0)
    return failure(Fault::kBadInput, "`{}` has {} value{} beyond {}; export to bfloat16 or float32",
                   layout().tensors()[tensor].name, lost, lost == 1 ? "" : "s",
                   dtype_text(dtypes_[tensor]));
  return std::as_bytes(std::span(buffer));
}

Result<void> Export::write_shard(const Shard& shard) {
  buffers_.clear();
  std::vector<TensorToWrite> entries;
  for (const size_t i : shard.tensors) {
    CW_ASSIGN(const ByteSpan bytes, converted(i));
    entries.push_back({layout().tensors()[i].name, dtypes_[i], layout().tensors()[i].shape, bytes});
  }
  const std::string path = folder_ + "/" + shard.name;
  CW_ASSIGN(const Digest digest, write_safetensors(path, entries, {{"format", "pt"}}));
  out_.files.push_back({shard.name, static_cast<int64_t>(fs::file_size(path)), digest.hex()});
  out_.tensors += static_cast<int64_t>(entries.size());
  out_.bytes += shard.bytes;
  return {};
}

Result<void> Export::write_weights() {
  const auto shards = make_shards(layout(), dtypes_, options_.shard_bytes);
  nlohmann::json map = nlohmann::json::object();
  std::set<std::string> names;
  for (const Shard& shard : shards) {
    CW_TRY(write_shard(shard));
    for (const size_t i : shard.tensors) {
      map[layout().tensors()[i].name] = shard.name;
      names.insert(dtype_text(dtypes_[i]));
    }
  }
  buffers_.clear();
  out_.dtype = fmt::format("{}", fmt::join(names, ", "));
  out_.weights = weights_digest(*saved_.x);
  if (shards.size() == 1) return {};
  const nlohmann::json index = {{"metadata", {{"total_size", out_.bytes}}}, {"weight_map", map}};
  return add("model.safetensors.index.json", index.dump(2) + "\n");
}

Result<void> Export::write_texts() {
  const std::string dtype = options_.dtype ? dtype_text(*options_.dtype) : "";
  CW_ASSIGN(const std::string config, adapted_config(saved_.config.json, saved_.model->context(),
                                                     dtype, saved_.folder + "/config.json"));
  CW_TRY(add("config.json", config));
  CW_TRY(carry_companions(saved_.folder, folder_));
  for (const std::string& name : companions(folder_)) CW_TRY(note(name));
  if (saved_.tokenizer != nullptr && !has("tokenizer.json"))
    CW_TRY(add("tokenizer.json", saved_.tokenizer->json()));
  if (saved_.tokenizer != nullptr && !has("tokenizer_config.json"))
    CW_TRY(add("tokenizer_config.json", tokenizer_config_json(saved_)));
  if (!has("generation_config.json"))
    CW_TRY(add("generation_config.json", generation_config_json(end_tokens(saved_))));
  return {};
}

Result<void> Export::note(const std::string& name) {
  CW_ASSIGN(const auto file, MappedFile::open(folder_ + "/" + name));
  out_.files.push_back(
      {name, static_cast<int64_t>(file->bytes().size()), digest_of(file->bytes()).hex()});
  return {};
}

Result<Exported> Export::write() {
  CW_TRY(write_weights());
  CW_TRY(write_texts());
  std::ranges::sort(out_.files, {}, &ExportedFile::name);
  const std::string own = saved_.folder + "/README.md";
  if (std::error_code none; fs::is_regular_file(own, none)) {
    CW_TRY(carry_file(own, folder_ + "/README.md", false));
    CW_TRY(note("README.md"));
  } else {
    CW_TRY(add("README.md", model_card(saved_, out_)));
  }
  CW_TRY(sync_path(folder_));
  return std::move(out_);
}

/// Whether `inner` is `outer` or lies below it.
bool lies_in(const fs::path& inner, const fs::path& outer) {
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

Result<void> check_target(const SavedModel& saved, const std::string& folder, bool overwrite) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(folder, error))) return {};
  if (fs::is_directory(folder, error) && fs::is_empty(folder, error)) return {};
  if (!overwrite)
    return failure(Fault::kBadInput, "{} is there already; --overwrite replaces it", folder);
  if (!fs::is_directory(folder, error) || !fs::exists(folder + "/config.json", error))
    return failure(Fault::kBadInput, "{} holds no model, so it is not replaced; remove it yourself",
                   folder);
  if (lies_in(fs::canonical(saved.folder, error), fs::canonical(folder, error)))
    return failure(Fault::kBadInput, "{} holds the model that is exported; give another folder",
                   folder);
  return {};
}

/// Puts `aside` in the place of `folder`.
Result<void> make_visible(const std::string& aside, const std::string& folder) {
  std::error_code error;
  const fs::path place(folder);
  const std::string old =
      (place.parent_path() / fmt::format(".replaced-{}", place.filename().string())).string();
  if (fs::exists(folder, error)) {
    fs::remove_all(old, error);
    if (std::rename(folder.c_str(), old.c_str()) != 0)
      return io_error(folder, "cannot be replaced");
  }
  if (std::rename(aside.c_str(), folder.c_str()) != 0) return io_error(folder, "cannot be made");
  CW_TRY(sync_path(place.parent_path().string()));
  fs::remove_all(old, error);
  return {};
}

}  // namespace

Result<Exported> export_model(const SavedModel& saved, const std::string& folder,
                              const ExportOptions& options) {
  std::error_code error;
  fs::path target = fs::absolute(folder, error).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();
  CW_TRY(check_target(saved, target.string(), options.overwrite));
  const std::string aside =
      (target.parent_path() / fmt::format(".writing-{}", target.filename().string())).string();
  fs::remove_all(aside, error);
  fs::create_directories(aside, error);
  if (error) return failure(Fault::kIo, "{}: cannot be made: {}", aside, error.message());
  auto written = Export(saved, aside, options).write();
  if (!written) {
    fs::remove_all(aside, error);
    return written;
  }
  CW_TRY(make_visible(aside, target.string()));
  return written;
}

}  // namespace causeway

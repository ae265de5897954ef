// SPDX-License-Identifier: Apache-2.0
#include "shape/check_weights.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "shape/hugging_face_fields.h"

namespace causeway {
namespace {

constexpr size_t kNamesShown = 5;

/// "a, b and 7 more"
std::string listed(const std::vector<std::string>& names) {
  const auto first = std::span(names).first(std::min(names.size(), kNamesShown));
  std::string out = fmt::format("`{}`", fmt::join(first, "`, `"));
  if (names.size() > first.size()) out += fmt::format(" and {} more", names.size() - first.size());
  return out;
}

/// A tensor that is missing may be one that is too many under another name, so both are told.
Result<void> check_names(const WeightFiles& files, const Layout& layout) {
  std::vector<std::string> missing, unknown;
  for (const Tensor& tensor : layout.tensors())
    if (tensor.alias_of.empty() && !files.contains(tensor.name)) missing.push_back(tensor.name);
  for (const std::string& name : files.names())
    if (layout.find(name) == nullptr && !name.ends_with("rotary_emb.inv_freq"))
      unknown.push_back(shown(name));
  if (missing.empty() && unknown.empty()) return {};
  std::string text;
  if (!missing.empty()) text = fmt::format("has no tensor {}", listed(missing));
  if (!unknown.empty())
    text += fmt::format("{}has {}, which {} no part of this model", text.empty() ? "" : "; it ",
                        listed(unknown), unknown.size() == 1 ? "is" : "are");
  return failure(Fault::kBadInput, "{} {}", files.path(), text);
}

Result<DType> check_alias(const WeightFiles& files, const Tensor& alias) {
  CW_ASSIGN(const TensorView target, files.find(alias.alias_of));
  if (!files.contains(alias.name)) return target.dtype;
  CW_ASSIGN(const TensorView own, files.find(alias.name));
  if (own.dtype != target.dtype || own.shape != target.shape ||
      !std::ranges::equal(own.bytes, target.bytes))
    return failure(Fault::kBadInput,
                   "{}: `{}` is not `{}`, though the configuration ties them: "
                   "`tie_word_embeddings`",
                   files.path(), alias.name, alias.alias_of);
  return target.dtype;
}

Result<DType> check_tensor(const WeightFiles& files, const Tensor& tensor) {
  CW_ASSIGN(const TensorView view, files.find(tensor.name));
  if (view.shape != tensor.shape)
    return failure(Fault::kBadInput, "{}: `{}` has shape [{}]; this model wants [{}]", files.path(),
                   tensor.name, fmt::join(view.shape, ", "), fmt::join(tensor.shape, ", "));
  return view.dtype;
}

}  // namespace

Result<std::vector<DType>> check_weights(const WeightFiles& files, const Layout& layout) {
  CW_TRY(check_names(files, layout));
  std::vector<DType> dtypes;
  for (const Tensor& tensor : layout.tensors()) {
    CW_ASSIGN(const DType dtype,
              tensor.alias_of.empty() ? check_tensor(files, tensor) : check_alias(files, tensor));
    dtypes.push_back(dtype);
  }
  return dtypes;
}

}  // namespace causeway

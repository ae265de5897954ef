// SPDX-License-Identifier: Apache-2.0
#include "sync/layout.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <limits>
#include <optional>
#include <utility>

#include "core/bytes.h"
#include "core/check.h"

namespace causeway {
namespace {

constexpr std::array<std::pair<Role, std::string_view>, 5> kRoles = {
    {{Role::kMatrix, "matrix"},
     {Role::kEmbedding, "embedding"},
     {Role::kNorm, "norm"},
     {Role::kBias, "bias"},
     {Role::kHead, "head"}}};

using Predicate = std::function<bool(const Tensor&)>;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::optional<int32_t> number(std::string_view text) {
  int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

/// `all`, `role=NAME` or `layers FIRST..LAST`.
Result<Predicate> parse_term(std::string_view term) {
  if (term == "all") return Predicate([](const Tensor&) { return true; });
  if (term.starts_with("role=")) {
    for (const auto& [role, name] : kRoles)
      if (term.substr(5) == name)
        return Predicate([wanted = role](const Tensor& tensor) { return tensor.role == wanted; });
    return failure(Fault::kBadInput,
                   "region \"{}\": no such role; there are matrix, embedding, norm, bias, head",
                   term);
  }
  if (term.starts_with("layers ")) {
    const std::string_view range = trimmed(term.substr(7));
    const size_t dots = range.find("..");
    if (dots != std::string_view::npos) {
      const auto first = number(range.substr(0, dots)), last = number(range.substr(dots + 2));
      if (first && last && *first <= *last)
        return Predicate([first = *first, last = *last](const Tensor& tensor) {
          return tensor.layer >= first && tensor.layer <= last;
        });
    }
  }
  return failure(
      Fault::kBadInput,
      "region \"{}\": wanted all, role=NAME or layers FIRST..LAST, each with an optional "
      "leading !, joined by &",
      term);
}

/// The terms of a selector; each with its negation applied.
Result<std::vector<Predicate>> parse(std::string_view selector) {
  std::vector<Predicate> terms;
  while (true) {
    const size_t joint = selector.find('&');
    std::string_view term = trimmed(selector.substr(0, joint));
    const bool negated = term.starts_with('!');
    if (negated) term = trimmed(term.substr(1));
    CW_ASSIGN(Predicate holds, parse_term(term));
    if (negated)
      terms.emplace_back([holds](const Tensor& tensor) { return !holds(tensor); });
    else
      terms.push_back(holds);
    if (joint == std::string_view::npos) return terms;
    selector.remove_prefix(joint + 1);
  }
}

}  // namespace

std::string_view role_name(Role role) {
  for (const auto& [known, name] : kRoles)
    if (known == role) return name;
  CW_CHECK(false, "role {}", static_cast<int>(role));
}

int64_t Region::count() const {
  int64_t total = 0;
  for (const Span& span : spans) total += span.count;
  return total;
}

void Layout::add(std::string name, std::vector<int64_t> shape, Role role, int32_t layer) {
  CW_CHECK(find(name) == nullptr, "tensor {} is there already", name);
  CW_CHECK(!shape.empty(), "tensor {} has no shape", name);
  int64_t count = 1;
  for (const int64_t extent : shape) {
    CW_CHECK(extent > 0 && count <= std::numeric_limits<int64_t>::max() / extent,
             "tensor {}: extent {}", name, extent);
    count *= extent;
  }
  tensors_.push_back({std::move(name), std::move(shape), role, layer, count_, count, ""});
  count_ += count;
}

void Layout::add_alias(std::string name, std::string_view target) {
  CW_CHECK(find(name) == nullptr, "tensor {} is there already", name);
  const Tensor* owner = find(target);
  CW_CHECK(owner != nullptr && owner->alias_of.empty(), "{} has no values to share", target);
  Tensor alias = *owner;
  alias.name = std::move(name);
  alias.count = 0;
  alias.alias_of = target;
  tensors_.push_back(std::move(alias));
}

const Tensor* Layout::find(std::string_view name) const {
  const auto found = std::find_if(tensors_.begin(), tensors_.end(),
                                  [&](const Tensor& tensor) { return tensor.name == name; });
  return found == tensors_.end() ? nullptr : &*found;
}

Digest Layout::digest() const {
  Bytes bytes;
  ByteWriter writer(bytes);
  for (const Tensor& tensor : tensors_) {
    writer.put_text(tensor.name);
    writer.put_text(tensor.alias_of);
    writer.put(static_cast<uint8_t>(tensor.role));
    writer.put(tensor.layer);
    writer.put(static_cast<uint32_t>(tensor.shape.size()));
    for (const int64_t extent : tensor.shape) writer.put(extent);
  }
  return digest_of(bytes);
}

Result<Region> Layout::select(std::string_view selector) const {
  CW_ASSIGN(const std::vector<Predicate> terms, parse(selector));
  Region region;
  for (const Tensor& tensor : tensors_) {
    const auto holds = [&](const Predicate& term) { return term(tensor); };
    if (tensor.count == 0 || !std::all_of(terms.begin(), terms.end(), holds)) continue;
    if (!region.spans.empty() &&
        region.spans.back().begin + region.spans.back().count == tensor.begin)
      region.spans.back().count += tensor.count;
    else
      region.spans.push_back({tensor.begin, tensor.count});
  }
  if (region.spans.empty())
    return failure(Fault::kBadInput, "region \"{}\" selects no tensor of this model", selector);
  return region;
}

}  // namespace causeway

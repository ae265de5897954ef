// SPDX-License-Identifier: Apache-2.0
#include "sync/layout.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>

namespace causeway {
namespace {

constexpr std::pair<std::string_view, Role> kRoles[] = {{"matrix", Role::kMatrix},
                                                        {"embedding", Role::kEmbedding},
                                                        {"norm", Role::kNorm},
                                                        {"bias", Role::kBias},
                                                        {"head", Role::kHead}};

using Test = std::function<bool(const Tensor&)>;

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(' ');
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

std::optional<int32_t> number(std::string_view text) {
  int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

/// Global index of the first value inside the blocks; the layout's count if there are none.
int64_t begin_of_layers(const Layout& layout) {
  for (const Tensor& tensor : layout.tensors())
    if (tensor.layer >= 0) return tensor.begin;
  return layout.count();
}

/// "1/4" of `fragment 1/4`.
std::optional<Test> parse_fragment(std::string_view part, const Layout& layout) {
  const size_t slash = part.find('/');
  if (slash == part.npos) return std::nullopt;
  const auto index = number(trimmed(part.substr(0, slash)));
  const auto count = number(trimmed(part.substr(slash + 1)));
  if (!index || !count || *index >= *count) return std::nullopt;
  return [index = *index, count = *count, first = begin_of_layers(layout)](const Tensor& tensor) {
    if (tensor.layer >= 0) return tensor.layer % count == index;
    return index == (tensor.begin < first ? 0 : count - 1);
  };
}

/// "a, b" of `tensor a, b`: all of them must exist.
std::optional<Test> parse_tensors(std::string_view part, const Layout& layout) {
  std::vector<std::string> names;
  while (!part.empty()) {
    const size_t comma = std::min(part.find(','), part.size());
    names.emplace_back(trimmed(part.substr(0, comma)));
    if (layout.find(names.back()) == nullptr) return std::nullopt;
    part.remove_prefix(std::min(comma + 1, part.size()));
  }
  return [names](const Tensor& tensor) {
    return std::ranges::find(names, tensor.name) != names.end();
  };
}

/// One term of a selector without its `!`.
std::optional<Test> parse_term(std::string_view term, const Layout& layout) {
  if (term == "all") return [](const Tensor&) { return true; };
  if (term.starts_with("role=")) {
    for (const auto& [name, role] : kRoles)
      if (term.substr(5) == name)
        return [wanted = role](const Tensor& tensor) { return tensor.role == wanted; };
    return std::nullopt;
  }
  if (term.starts_with("tensor ")) return parse_tensors(term.substr(7), layout);
  if (term.starts_with("fragment ")) return parse_fragment(term.substr(9), layout);
  if (!term.starts_with("layers ")) return std::nullopt;
  const std::string_view range = trimmed(term.substr(7));
  const size_t dots = range.find("..");
  if (dots == range.npos) return std::nullopt;
  const auto first = number(range.substr(0, dots));
  const auto last = number(range.substr(dots + 2));
  if (!first || !last) return std::nullopt;
  return [low = *first, high = *last](const Tensor& tensor) {
    return tensor.layer >= low && tensor.layer <= high;
  };
}

}  // namespace

std::string_view role_name(Role role) {
  for (const auto& [name, value] : kRoles)
    if (value == role) return name;
  return "unknown";
}

Region Region::part(int64_t begin, int64_t size) const {
  Region out;
  for (const Span& span : spans) {
    if (size == 0) break;
    if (begin >= span.count) {
      begin -= span.count;
      continue;
    }
    const int64_t here = std::min(span.count - begin, size);
    out.spans.push_back({span.begin + begin, here});
    begin = 0;
    size -= here;
  }
  CW_CHECK(size == 0, "{} values are past the end of the region", size);
  return out;
}

int64_t Region::count() const {
  int64_t sum = 0;
  for (const Span& span : spans) sum += span.count;
  return sum;
}

void Layout::add(std::string name, std::vector<int64_t> shape, Role role, int32_t layer) {
  CW_CHECK(find(name) == nullptr, "tensor {} added twice", name);
  CW_CHECK(!shape.empty(), "tensor {} has no shape", name);
  int64_t count = 1;
  for (const int64_t extent : shape) {
    CW_CHECK(extent > 0, "tensor {} has an extent of {}", name, extent);
    count *= extent;
  }
  tensors_.push_back({std::move(name), std::move(shape), role, layer, count_, count, {}});
  count_ += count;
}

void Layout::add_alias(std::string name, std::string_view target) {
  const Tensor* found = find(target);
  CW_CHECK(found != nullptr && found->alias_of.empty(), "{} is tied to {}", name, target);
  CW_CHECK(find(name) == nullptr, "tensor {} added twice", name);
  Tensor alias = *found;
  alias.name = std::move(name);
  alias.alias_of = found->name;
  alias.count = 0;
  tensors_.push_back(std::move(alias));
}

const Tensor* Layout::find(std::string_view name) const {
  for (const Tensor& tensor : tensors_)
    if (tensor.name == name) return &tensor;
  return nullptr;
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
  std::vector<std::pair<Test, bool>> tests;
  for (size_t begin = 0; begin != selector.npos;) {
    const size_t end = selector.find('&', begin);
    std::string_view term = trimmed(selector.substr(begin, end - begin));
    begin = end == selector.npos ? end : end + 1;
    const bool wanted = !term.starts_with('!');
    if (!wanted) term = trimmed(term.substr(1));
    auto test = parse_term(term, *this);
    if (!test)
      return failure(
          Fault::kBadInput,
          "region `{}`: `{}` is no selector; wanted: all, role=matrix (embedding, norm, "
          "bias, head), layers 0..3, fragment 0/2, each with ! for the rest, joined by &",
          selector, term);
    tests.emplace_back(*std::move(test), wanted);
  }
  Region region;
  for (const Tensor& tensor : tensors_) {
    const bool in = tensor.count > 0 && std::all_of(tests.begin(), tests.end(), [&](const auto& t) {
                      return t.first(tensor) == t.second;
                    });
    if (!in) continue;
    const bool touches = !region.spans.empty() &&
                         region.spans.back().begin + region.spans.back().count == tensor.begin;
    if (touches)
      region.spans.back().count += tensor.count;
    else
      region.spans.push_back({tensor.begin, tensor.count});
  }
  if (region.spans.empty())
    return failure(Fault::kBadInput, "region `{}` selects no tensor of this model", selector);
  return region;
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
//
// From a plug-in as the recipe has it to a codec: what each stage is, and what may follow what.
#include <algorithm>
#include <optional>

#include "codec/chain.h"
#include "codec/notation.h"

namespace causeway {
namespace {

/// Kinds of stages in the order in which they may stand. Indices may stand before values, too.
enum class StageKind : uint8_t { kSelector, kValues, kIndices, kPacker };

constexpr std::pair<std::string_view, IndexCoding> kIndexCodings[] = {
    {"auto", IndexCoding::kAuto},
    {"bitmap", IndexCoding::kBitmap},
    {"raw", IndexCoding::kRaw},
    {"rice", IndexCoding::kRice},
};

template <class Interface>
const Entry<Interface>* entry_of(Entries<Interface> entries, std::string_view name) {
  for (const Entry<Interface>* one : entries)
    if (one->name == name) return one;
  return nullptr;
}

std::optional<IndexCoding> index_coding_of(std::string_view name) {
  for (const auto& [known, coding] : kIndexCodings)
    if (known == name) return coding;
  return std::nullopt;
}

std::optional<StageKind> kind_of(std::string_view name) {
  // `topk` is a codec of its own as well; within a chain it is the selector.
  if (entry_of(selectors(), name) != nullptr) return StageKind::kSelector;
  if (entry_of(codecs(), name) != nullptr) return StageKind::kValues;
  if (entry_of(packers(), name) != nullptr) return StageKind::kPacker;
  if (index_coding_of(name)) return StageKind::kIndices;
  return std::nullopt;
}

std::vector<std::string> names_of(StageKind kind) {
  std::vector<std::string> names;
  const auto add = [&](const auto& entries) {
    for (const auto* one : entries) names.emplace_back(one->name);
  };
  if (kind == StageKind::kSelector) add(selectors());
  if (kind == StageKind::kPacker) add(packers());
  if (kind == StageKind::kValues)
    for (const Entry<Codec>* one : codecs())
      if (entry_of(selectors(), one->name) == nullptr) names.emplace_back(one->name);
  if (kind == StageKind::kIndices)
    for (const auto& [name, coding] : kIndexCodings) names.emplace_back(name);
  return names;
}

std::string_view role_of(StageKind kind) {
  switch (kind) {
    case StageKind::kSelector:
      return "chooses the values that are sent";
    case StageKind::kValues:
      return "writes values";
    case StageKind::kIndices:
      return "writes indices";
    case StageKind::kPacker:
      return "packs bytes";
  }
  return {};
}

class ChainBuilder {
 public:
  ChainBuilder(const std::string& text, const Location& where, Mistakes& mistakes)
      : text_(text), where_(where), mistakes_(mistakes) {}

  std::unique_ptr<Codec> build(const std::vector<Stage>& stages) {
    const size_t before = mistakes_.size();
    for (const Stage& stage : stages) add(stage);
    if (mistakes_.size() == before) check_whole();
    if (mistakes_.size() != before) return nullptr;
    if (parts_.values == nullptr) parts_.values = entry_of(codecs(), "fp32")->make({}, mistakes_);
    return join_chain(std::move(parts_));
  }

 private:
  void wrong(const std::string& what) {
    mistakes_.add(where_, fmt::format("codec `{}`: {}", text_, what));
  }

  void add(const Stage& stage) {
    const auto kind = kind_of(stage.name);
    if (!kind) return unknown(stage.name);
    if (last_ && !may_follow(*kind))
      return wrong(
          fmt::format("`{}`, which {}, follows `{}`, which {}; wanted: selector | values | "
                      "indices | packer, each at most once",
                      stage.name, role_of(*kind), last_name_, role_of(*last_)));
    last_ = kind;
    last_name_ = stage.name;
    seen_[static_cast<size_t>(*kind)] = stage.name;
    make(stage, *kind);
  }

  bool may_follow(StageKind kind) const {
    if (!seen_[static_cast<size_t>(kind)].empty()) return false;
    return kind > *last_ || (kind == StageKind::kValues && last_ == StageKind::kIndices);
  }

  void make(const Stage& stage, StageKind kind) {
    switch (kind) {
      case StageKind::kSelector:
        parts_.selector = made(entry_of(selectors(), stage.name), stage);
        return;
      case StageKind::kValues:
        parts_.values = made(entry_of(codecs(), stage.name), stage);
        return;
      case StageKind::kPacker:
        parts_.packer = made(entry_of(packers(), stage.name), stage);
        return;
      case StageKind::kIndices:
        parts_.indices = *index_coding_of(stage.name);
        if (stage.options.is(Value::Kind::kTable) && !stage.options.table().empty())
          wrong(fmt::format("`{}` has arguments; wanted: none", stage.name));
    }
  }

  template <class Interface>
  std::unique_ptr<Interface> made(const Entry<Interface>* entry, const Stage& stage) {
    Mistakes own;
    auto out = entry->make(named(stage, entry->describe()), own);
    for (const auto& [where, what] : own.all())
      mistakes_.add(where, fmt::format("codec `{}`: `{}`: {}", text_, stage.name, what));
    return out;
  }

  /// The options, the value without a key under the name of the first.
  Value named(const Stage& stage, const std::vector<OptionInfo>& options) {
    const Value* first = stage.options.find("");
    if (first == nullptr) return stage.options;
    Value out = Value::Table{};
    out.where = stage.options.where;
    if (options.empty()) {
      wrong(fmt::format("`{}` has the argument {}; it takes none", stage.name, first->text()));
      return out;
    }
    for (const auto& [key, value] : stage.options.table()) {
      const std::string& name = key.empty() ? options.front().name : key;
      if (out.find(name) != nullptr)
        wrong(fmt::format("`{}` has `{}` twice: its first argument is that", stage.name, name));
      out.set(name, value);
    }
    return out;
  }

  void check_whole() {
    const std::string& indices = seen_[static_cast<size_t>(StageKind::kIndices)];
    const std::string& selector = seen_[static_cast<size_t>(StageKind::kSelector)];
    const std::string& packer = seen_[static_cast<size_t>(StageKind::kPacker)];
    const std::string& values = seen_[static_cast<size_t>(StageKind::kValues)];
    if (!indices.empty() && parts_.selector == nullptr)
      wrong(fmt::format("`{}` writes indices, and every value is sent; wanted: {} before it",
                        indices, fmt::join(names_of(StageKind::kSelector), ", ")));
    else if (!indices.empty() && parts_.selector->draws())
      wrong(fmt::format("`{}` writes indices, and `{}` sends none; wanted: without `{}`", indices,
                        selector, indices));
    if (!packer.empty() && parts_.packer->wants_width() && parts_.values != nullptr &&
        !parts_.values->joins())
      wrong(fmt::format("`{}` follows `{}`; wanted: after fp32, bf16 or fp16", packer, values));
    if (parts_.selector != nullptr && parts_.values != nullptr && parts_.values->surveys())
      wrong(
          fmt::format("`{}` must see the whole signal, and `{}` sends a part of it; wanted: `{}` "
                      "without a selector",
                      values, selector, values));
    if (parts_.selector != nullptr && parts_.values != nullptr &&
        parts_.selector->run_values() > parts_.values->block_values())
      wrong(fmt::format("`{}` looks at {} values, and `{}` codes at most {} at once", selector,
                        parts_.selector->run_values(), values, parts_.values->block_values()));
  }

  void unknown(const std::string& name) {
    std::vector<std::string> all;
    for (const StageKind kind :
         {StageKind::kSelector, StageKind::kValues, StageKind::kIndices, StageKind::kPacker})
      for (std::string& one : names_of(kind)) all.push_back(std::move(one));
    const std::string near = nearest(name, all);
    wrong(fmt::format("no stage is called `{}`{}; there are: {}; {}; {}; {}", name,
                      near.empty() ? "" : fmt::format("; did you mean `{}`?", near),
                      fmt::join(names_of(StageKind::kSelector), ", "),
                      fmt::join(names_of(StageKind::kValues), ", "),
                      fmt::join(names_of(StageKind::kIndices), ", "),
                      fmt::join(names_of(StageKind::kPacker), ", ")));
  }

  const std::string& text_;
  const Location& where_;
  Mistakes& mistakes_;
  ChainParts parts_;
  std::array<std::string, 4> seen_;  // names, by kind
  std::optional<StageKind> last_;
  std::string last_name_;
};

/// `topk` with `keep` alone is the codec of that name, block by block; with anything else the
/// selector.
bool is_plain(const Plugin& plugin) {
  if (entry_of(codecs(), plugin.name) == nullptr) return false;
  if (entry_of(selectors(), plugin.name) == nullptr) return true;
  if (!plugin.options.is(Value::Kind::kTable)) return true;
  return std::ranges::all_of(plugin.options.table(),
                             [](const auto& option) { return option.first == "keep"; });
}

}  // namespace

std::unique_ptr<Codec> make_codec(const Plugin& plugin, Mistakes& mistakes) {
  const Location& where = plugin.options.where;
  ChainBuilder builder(plugin.name, where, mistakes);
  if (is_chain(plugin.name)) {
    if (plugin.options.is(Value::Kind::kTable) && !plugin.options.table().empty()) {
      mistakes.add(where, fmt::format("codec `{}` has `{}` beside it; wanted: the options of a "
                                      "chain in the parentheses of its stages",
                                      plugin.name, plugin.options.table().front().first));
      return nullptr;
    }
    const auto stages = parse_chain(plugin.name, where, mistakes);
    return stages.empty() ? nullptr : builder.build(stages);
  }
  if (is_plain(plugin)) return entry_of(codecs(), plugin.name)->make(plugin.options, mistakes);
  Value options = plugin.options.is(Value::Kind::kNone) ? Value(Value::Table{}) : plugin.options;
  options.where = where;
  return builder.build({{plugin.name, std::move(options)}});
}

}  // namespace causeway

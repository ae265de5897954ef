// SPDX-License-Identifier: Apache-2.0
#include "core/toml.h"

#include <fmt/format.h>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <tuple>
#include <vector>

namespace causeway {
namespace {

Location where_of(const toml::node& node, const std::string& file) {
  return {file, static_cast<int32_t>(node.source().begin.line)};
}

/// Tables and lists within each other; what follows walks them by recursion.
constexpr int32_t kDepthMax = 100;

Value convert(const toml::node& node, const std::string& file, int32_t depth, Mistakes& mistakes) {
  Value value;
  if (depth > kDepthMax) {
    mistakes.add(where_of(node, file),
                 fmt::format("nested too deep; wanted: at most {} tables or lists", kDepthMax));
    return value;
  }
  if (const auto* table = node.as_table()) {
    // toml++ sorts keys; the order in the file is the order of their lines and columns.
    std::vector<std::pair<const toml::key*, const toml::node*>> entries;
    for (const auto& [key, entry] : *table) entries.emplace_back(&key, &entry);
    std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
      const auto &p = a.first->source().begin, &q = b.first->source().begin;
      return std::tie(p.line, p.column) < std::tie(q.line, q.column);
    });
    value = Value::Table{};
    for (const auto& [key, entry] : entries)
      value.set(key->str(), convert(*entry, file, depth + 1, mistakes));
  } else if (const auto* array = node.as_array()) {
    Value::Array entries;
    for (const auto& entry : *array) entries.push_back(convert(entry, file, depth + 1, mistakes));
    value = std::move(entries);
  } else if (const auto* text = node.as_string()) {
    value = text->get();
  } else if (const auto* integer = node.as_integer()) {
    value = integer->get();
  } else if (const auto* number = node.as_floating_point()) {
    value = number->get();
  } else if (const auto* boolean = node.as_boolean()) {
    value = boolean->get();
  } else {
    mistakes.add(where_of(node, file), "dates and times have no meaning here");
  }
  value.where = where_of(node, file);
  return value;
}

/// A dot in a key nests a table, which toml++ bounds no further (it does bound brackets) and walks
/// by recursion.
constexpr int64_t kDotsMax = 4'000;
constexpr size_t kDocumentBytesMax = size_t{1} << 20;

/// Why `text` is not even parsed, or "".
std::string refusal(std::string_view text) {
  if (text.size() > kDocumentBytesMax)
    return fmt::format("is {} bytes long; wanted: at most {}", text.size(), kDocumentBytesMax);
  const int64_t dots = std::count(text.begin(), text.end(), '.');
  if (dots > kDotsMax) return fmt::format("has {} dots; wanted: at most {}", dots, kDotsMax);
  return {};
}

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(' ');
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

/// The keys between the dots of `path`; empty if one of them is empty.
std::vector<std::string> keys_of(std::string_view path) {
  std::vector<std::string> keys;
  while (true) {
    const size_t dot = std::min(path.find('.'), path.size());
    keys.emplace_back(trimmed(path.substr(0, dot)));
    if (keys.back().empty()) return {};
    if (dot == path.size()) return keys;
    path.remove_prefix(dot + 1);
  }
}

/// `text` as one TOML value, or as it stands. kNone if it cannot be written to a file again.
Value value_of(const std::string& text) {
  Mistakes no_toml;
  const Value document = parse_toml("value = " + text, "", no_toml);
  if (no_toml.empty() && document.table().size() == 1 && document.find("value") != nullptr)
    return *document.find("value");
  Mistakes no_text;
  parse_toml("value = " + Value(text).text(), "", no_text);
  return no_text.empty() ? Value(text) : Value();
}

/// The entry `key` of a table, or of a list by number; a missing table entry is made.
Value* step_into(Value& node, const std::string& key) {
  if (node.is(Value::Kind::kArray)) {
    const bool digits =
        !key.empty() && key.size() < 10 && key.find_first_not_of("0123456789") == std::string::npos;
    if (!digits) return nullptr;
    const auto index = static_cast<size_t>(std::stoul(key));
    return index < node.array().size() ? &node.array()[index] : nullptr;
  }
  if (Value* found = node.find(key)) return found;
  if (!node.is(Value::Kind::kTable) && !node.is(Value::Kind::kNone)) return nullptr;
  return &node.set(key, Value());
}

std::string described(const Value& node) {
  if (!node.is(Value::Kind::kArray)) return std::string(node.kind_name());
  return fmt::format("a list of {}, counted from 0", node.array().size());
}

void relocate(Value& value, const Location& where) {
  value.where = where;
  if (value.is(Value::Kind::kArray))
    for (Value& entry : value.array()) relocate(entry, where);
  if (value.is(Value::Kind::kTable))
    for (auto& [key, entry] : value.table()) relocate(entry, where);
}

}  // namespace

Value parse_toml(std::string_view text, const std::string& file, Mistakes& mistakes) {
  if (std::string reason = refusal(text); !reason.empty()) {
    mistakes.add({file, 0}, std::move(reason));
    return Value::Table{};
  }
  const toml::parse_result result = toml::parse(text, file);
  if (!result) {
    const auto line = static_cast<int32_t>(result.error().source().begin.line);
    mistakes.add({file, line}, fmt::format("not valid TOML: {}", result.error().description()));
    return Value::Table{};
  }
  return convert(result.table(), file, 0, mistakes);
}

Value parse_toml_file(const std::string& path, Mistakes& mistakes) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  // A directory opens, and fails when it is first read.
  if (in.is_open() && in.peek() != std::ifstream::traits_type::eof()) text << in.rdbuf();
  if (!in.is_open() || in.bad() || text.bad()) {
    mistakes.add({path, 0}, fmt::format("cannot be read: {}", std::strerror(errno)));
    return Value::Table{};
  }
  return parse_toml(text.str(), path, mistakes);
}

void set_path(Value& root, std::string_view assignment, Mistakes& mistakes) {
  const Location where{fmt::format("--set {}", assignment), 0};
  const size_t equals = std::min(assignment.find('='), assignment.size());
  const std::vector<std::string> keys = keys_of(assignment.substr(0, equals));
  if (equals == assignment.size() || keys.empty())
    return mistakes.add(where, "wanted: key=value, for example sync.period=64");
  Value value = value_of(std::string(trimmed(assignment.substr(equals + 1))));
  if (value.is(Value::Kind::kNone))
    return mistakes.add(where, "the value has bytes that are not UTF-8 text");
  relocate(value, where);

  Value* node = &root;
  std::string walked;
  for (const std::string& key : keys) {
    Value* next = step_into(*node, key);
    if (next == nullptr)
      return mistakes.add(
          where, fmt::format("`{}` is {}; it has no entry `{}`", walked, described(*node), key));
    node = next;
    if (node->where.file.empty()) node->where = where;
    walked += (walked.empty() ? "" : ".") + key;
  }
  *node = std::move(value);
}

}  // namespace causeway

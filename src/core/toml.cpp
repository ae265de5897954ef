// SPDX-License-Identifier: Apache-2.0
#include "core/toml.h"

#include <fmt/format.h>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace causeway {
namespace {

Location where_of(const toml::node& node, const std::string& file) {
  return {file, static_cast<int32_t>(node.source().begin.line)};
}

Value convert(const toml::node& node, const std::string& file, Mistakes& mistakes) {
  Value value;
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
      value.set(key->str(), convert(*entry, file, mistakes));
  } else if (const auto* array = node.as_array()) {
    Value::Array entries;
    for (const auto& entry : *array) entries.push_back(convert(entry, file, mistakes));
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

/// The entry `key` of a table, or of a list by number; a missing table entry is made.
Value* step_into(Value& node, const std::string& key) {
  if (node.is(Value::Kind::kArray)) {
    const bool digits = !key.empty() && key.size() < 10 &&
                        key.find_first_not_of("0123456789") == std::string::npos;
    if (!digits) return nullptr;
    const auto index = static_cast<size_t>(std::stoul(key));
    return index < node.array().size() ? &node.array()[index] : nullptr;
  }
  if (Value* found = node.find(key)) return found;
  if (!node.is(Value::Kind::kTable) && !node.is(Value::Kind::kNone)) return nullptr;
  return &node.set(key, Value());
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
  const toml::parse_result result = toml::parse(text, file);
  if (!result) {
    const auto line = static_cast<int32_t>(result.error().source().begin.line);
    mistakes.add({file, line}, fmt::format("no valid TOML: {}", result.error().description()));
    return Value::Table{};
  }
  return convert(result.table(), file, mistakes);
}

Value parse_toml_file(const std::string& path, Mistakes& mistakes) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (in) text << in.rdbuf();
  if (!in || in.bad()) {
    mistakes.add({path, 0}, fmt::format("cannot be read: {}", std::strerror(errno)));
    return Value::Table{};
  }
  return parse_toml(text.str(), path, mistakes);
}

void set_path(Value& root, std::string_view assignment, Mistakes& mistakes) {
  const Location where{fmt::format("--set {}", assignment), 0};
  const size_t equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0)
    return mistakes.add(where, "wanted: key=value, for example sync.period=64");
  const std::string path(assignment.substr(0, equals));
  const std::string text(assignment.substr(equals + 1));

  Mistakes no_toml;
  const Value parsed = parse_toml("value = " + text, "--set", no_toml);
  Value value = no_toml.empty() && parsed.find("value") != nullptr ? *parsed.find("value")
                                                                  : Value(text);
  relocate(value, where);

  Value* node = &root;
  std::istringstream keys(path);
  std::string key, walked;
  while (std::getline(keys, key, '.')) {
    node = step_into(*node, key);
    if (node == nullptr)
      return mistakes.add(where, fmt::format("`{}` has no entry `{}`", walked, key));
    if (node->where.file.empty()) node->where = where;
    walked += (walked.empty() ? "" : ".") + key;
  }
  *node = std::move(value);
}

}  // namespace causeway

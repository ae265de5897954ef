// SPDX-License-Identifier: Apache-2.0
#include "core/value.h"

#include <cmath>

#include "core/check.h"

namespace causeway {
namespace {

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
          out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
        else
          out += c;
    }
  }
  return out + "\"";
}

std::string key_text(std::string_view key) {
  const bool bare = !key.empty() && key.find_first_not_of(
                                        "abcdefghijklmnopqrstuvwxyz"
                                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "0123456789_-") == key.npos;
  return bare ? std::string(key) : in_quotes(key);
}

std::string number_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == text.npos) text += ".0";
  return text;
}

bool is_table_list(const Value& value) {
  if (!value.is(Value::Kind::kArray) || value.array().empty()) return false;
  for (const Value& entry : value.array())
    if (!entry.is(Value::Kind::kTable)) return false;
  return true;
}

/// A table becomes a section of its own, unless it lies deeper than the document's own tables and
/// is a plug-in's one-line choice.
bool is_section(const Value& value, const std::string& path) {
  return value.is(Value::Kind::kTable) && (path.empty() || value.find("name") == nullptr);
}

void write_table(const Value& table, const std::string& path, std::string& out) {
  for (const auto& [key, value] : table.table())
    if (!is_section(value, path) && !is_table_list(value) && !value.is(Value::Kind::kNone))
      out += fmt::format("{} = {}\n", key_text(key), value.text());
  for (const auto& [key, value] : table.table()) {
    const std::string inner = path.empty() ? key_text(key) : path + "." + key_text(key);
    if (is_table_list(value)) {
      for (const Value& entry : value.array()) {
        out += fmt::format("\n[[{}]]\n", inner);
        write_table(entry, inner, out);
      }
    } else if (is_section(value, path)) {
      out += fmt::format("\n[{}]\n", inner);
      write_table(value, inner, out);
    }
  }
}

}  // namespace

std::string Location::text() const { return line > 0 ? fmt::format("{}:{}", file, line) : file; }

std::string_view Value::kind_name() const {
  constexpr std::string_view kKindNames[] = {"nothing", "true or false", "an integer", "a number",
                                             "text",    "a list",        "a table"};
  return kKindNames[data_.index()];
}

template <class T>
const T& Value::stored() const {
  const T* stored = std::get_if<T>(&data_);
  CW_CHECK(stored != nullptr, "the value is {}", kind_name());
  return *stored;
}

bool Value::boolean() const { return stored<bool>(); }
int64_t Value::integer() const { return stored<int64_t>(); }
double Value::number() const {
  return is(Kind::kInteger) ? static_cast<double>(integer()) : stored<double>();
}
const std::string& Value::string() const { return stored<std::string>(); }
const Value::Array& Value::array() const { return stored<Array>(); }
const Value::Table& Value::table() const { return stored<Table>(); }
Value::Array& Value::array() { return const_cast<Array&>(stored<Array>()); }
Value::Table& Value::table() { return const_cast<Table&>(stored<Table>()); }

const Value* Value::find(std::string_view key) const {
  if (!is(Kind::kTable)) return nullptr;
  for (const auto& [name, value] : table())
    if (name == key) return &value;
  return nullptr;
}

Value* Value::find(std::string_view key) {
  return const_cast<Value*>(static_cast<const Value*>(this)->find(key));
}

Value& Value::set(std::string_view key, Value value) {
  if (is(Kind::kNone)) data_ = Table{};
  if (Value* old = find(key)) return *old = std::move(value);
  return table().emplace_back(std::string(key), std::move(value)).second;
}

std::string Value::text() const {
  switch (kind()) {
    case Kind::kNone:
      return "{}";
    case Kind::kBool:
      return boolean() ? "true" : "false";
    case Kind::kInteger:
      return fmt::format("{}", integer());
    case Kind::kFloat:
      return number_text(std::get<double>(data_));
    case Kind::kString:
      return in_quotes(string());
    case Kind::kArray: {
      std::string out = "[";
      for (const Value& entry : array()) out += (out.size() > 1 ? ", " : "") + entry.text();
      return out + "]";
    }
    case Kind::kTable: {
      std::string out;
      for (const auto& [key, value] : table())
        if (!value.is(Kind::kNone))
          out += (out.empty() ? "" : ", ") + key_text(key) + " = " + value.text();
      return out.empty() ? "{}" : "{ " + out + " }";
    }
  }
  return {};
}

std::string to_toml(const Value& table) {
  CW_CHECK(table.is(Value::Kind::kTable));
  std::string out;
  write_table(table, "", out);
  return out;
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace causeway {

/// Where a value was written, for messages: `recipe.toml:12`, or `--set sync.period` with line 0.
struct Location {
  std::string file;
  int32_t line = 0;

  std::string text() const;  ///< "file:line", or "file" if the line is 0
};

/// A parsed option tree (TOML, JSON, or `--set key=value`) that remembers where each part stood.
/// Plain data; copies are deep. Tables keep the order in which their keys were written.
class Value {
 public:
  enum class Kind : uint8_t { kNone, kBool, kInteger, kFloat, kString, kArray, kTable };
  using Array = std::vector<Value>;
  using Table = std::vector<std::pair<std::string, Value>>;

  Value() = default;
  Value(bool value) : data_(value) {}
  Value(int64_t value) : data_(value) {}
  Value(int value) : data_(int64_t{value}) {}
  Value(double value) : data_(value) {}
  Value(std::string value) : data_(std::move(value)) {}
  Value(const char* value) : data_(std::string(value)) {}
  Value(Array value) : data_(std::move(value)) {}
  Value(Table value) : data_(std::move(value)) {}

  Kind kind() const { return static_cast<Kind>(data_.index()); }
  bool is(Kind wanted) const { return kind() == wanted; }
  /// "a number", "a table": for messages.
  std::string_view kind_name() const;

  /// The stored alternative; a mismatch of kinds is a bug and aborts.
  bool boolean() const;
  int64_t integer() const;
  double number() const;  ///< of an integer or a float
  const std::string& string() const;
  const Array& array() const;
  const Table& table() const;
  Array& array();
  Table& table();

  /// The entry `key` of a table, or null. Not a table: null.
  const Value* find(std::string_view key) const;
  Value* find(std::string_view key);
  /// Sets `key` of a table (a none value becomes an empty table first), replacing an old entry.
  Value& set(std::string_view key, Value value);

  /// As TOML writes it on one line: `{ name = "adamw", lr = 0.001 }`.
  std::string text() const;

  Location where;

 private:
  template <class T>
  const T& stored() const;

  std::variant<std::monostate, bool, int64_t, double, std::string, Array, Table> data_;
};

/// Writes a table as a TOML document. Numbers round-trip exactly.
std::string to_toml(const Value& table);

}  // namespace causeway

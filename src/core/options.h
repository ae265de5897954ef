// SPDX-License-Identifier: Apache-2.0
//
// Options are declared once, in the struct that uses them:
//
//   struct Options {
//     int64_t period = 32;
//     double lr = 0.7;
//     template <class Visit> void each(Visit&& visit) {
//       visit("period", period, Range<int64_t>{1, 1'000'000}, "steps", "Local steps between
//       rounds."); visit("lr", lr, Range<double>{0, 10}, "", "Outer step size.");
//     }
//   };
//
// and the same declaration parses, validates, prints --help and the reference page, and is written
// back as TOML. A field may be bool, int64_t, double, std::string, a vector of these, Plugin, Value
// (an untyped subtree, read later by who knows its type), or an enum with Choices.
#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/value.h"

namespace causeway {

/// All mistakes of the user's input, collected so that they are reported at once.
class Mistakes {
 public:
  /// The same mistake at the same place counts once.
  void add(const Location& where, std::string what);
  bool empty() const { return lines_.empty(); }
  size_t size() const { return lines_.size(); }
  /// One `file:line: what` each, in order of file and line.
  std::string text() const;
  const std::vector<std::pair<Location, std::string>>& all() const { return lines_; }

 private:
  std::vector<std::pair<Location, std::string>> lines_;
};

/// The candidate nearest to `name` by edit distance, or "" if none is near enough to be meant.
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

/// A choice of plug-in with its own options: `"adamw"` or `{ name = "adamw", lr = 1e-3 }`.
struct Plugin {
  std::string name;
  Value options;  ///< a table without `name`; kNone if there are none
};

/// Inclusive bounds of a number, or of every entry of a list.
template <class T>
struct Range {
  T low = std::numeric_limits<T>::lowest();
  T high = std::numeric_limits<T>::max();
};
/// For fields of any value: strings, booleans, plug-ins, subtrees.
struct Any {};
/// A string that must not be empty, or a list that must not.
struct Required {};
/// The names of an enum's values.
template <class E>
struct Choices {
  std::vector<std::pair<std::string_view, E>> names;
};

/// One line of a reference table.
struct OptionInfo {
  std::string name, type, fallback, range, unit, meaning;
};

namespace options_detail {

template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;

std::string range_text(double low, double high);
std::string range_text(int64_t low, int64_t high);
bool read(const Value& value, bool& out);
bool read(const Value& value, int64_t& out);
bool read(const Value& value, double& out);
bool read(const Value& value, std::string& out);
bool read(const Value& value, Plugin& out);
bool read(const Value& value, Value& out);
template <class T>
bool read(const Value& value, std::vector<T>& out) {
  if (!value.is(Value::Kind::kArray)) return false;
  out.clear();
  for (const Value& entry : value.array()) {
    T one{};
    if (!read(entry, one)) return false;
    out.push_back(std::move(one));
  }
  return true;
}

Value write(bool value);
Value write(int64_t value);
Value write(double value);
Value write(const std::string& value);
Value write(const Plugin& value);
Value write(const Value& value);
template <class T>
Value write(const std::vector<T>& values) {
  Value::Array out;
  for (const T& value : values) out.push_back(write(value));
  return out;
}

template <class T>
std::string type_text() {
  if constexpr (std::is_same_v<T, bool>)
    return "true or false";
  else if constexpr (std::is_same_v<T, int64_t>)
    return "integer";
  else if constexpr (std::is_same_v<T, double>)
    return "number";
  else if constexpr (std::is_same_v<T, std::string>)
    return "text";
  else if constexpr (std::is_same_v<T, Plugin>)
    return "name, or table with a name";
  else if constexpr (is_vector<T>)
    return "list of " + type_text<typename T::value_type>();
  else if constexpr (std::is_enum_v<T>)
    return "name";
  else
    return "table";
}

template <class T>
std::string broken(const T& value, const Range<T>& range) {
  // A comparison that NaN fails, so that NaN is refused.
  if (value >= range.low && value <= range.high) return {};
  return range_text(range.low, range.high);
}
template <class T>
std::string broken(const std::vector<T>& values, const Range<T>& range) {
  for (const T& value : values)
    if (auto text = broken(value, range); !text.empty()) return text;
  return {};
}
template <class T>
std::string broken(const T&, const Any&) {
  return {};
}
template <class T>
std::string broken(const T& value, const Required&) {
  return value.empty() ? "something that is not empty" : "";
}
inline std::string broken(const Plugin& value, const Required&) {
  return value.name.empty() ? "a name" : "";
}

void report_unknown(const Value& table, const std::vector<std::string>& known, Mistakes& mistakes);
void report_kind(const Value& got, std::string_view name, std::string_view wanted,
                 Mistakes& mistakes);
void report_range(const Value& got, std::string_view name, std::string_view wanted,
                  Mistakes& mistakes);
void report_choice(const Value& got, std::string_view name, const std::vector<std::string>& names,
                   Mistakes& mistakes);
void report_missing(const Value& table, std::string_view name, std::string_view wanted,
                    Mistakes& mistakes);

struct Reader {
  const Value& table;
  Mistakes& mistakes;
  std::vector<std::string> known;

  template <class T, class Constraint>
  void operator()(std::string_view name, T& field, const Constraint& constraint, std::string_view,
                  std::string_view) {
    known.emplace_back(name);
    const Value* value = table.find(name);
    if (value == nullptr) {
      if constexpr (std::is_same_v<Constraint, Required>)
        if (auto wanted = broken(field, constraint); !wanted.empty())
          report_missing(table, name, type_text<T>(), mistakes);
      return;
    }
    T read_value = field;
    if (!read(*value, read_value)) return report_kind(*value, name, type_text<T>(), mistakes);
    if (auto wanted = broken(read_value, constraint); !wanted.empty())
      return report_range(*value, name, wanted, mistakes);
    field = std::move(read_value);
  }
  template <class E>
  void operator()(std::string_view name, E& field, const Choices<E>& choices, std::string_view,
                  std::string_view) {
    known.emplace_back(name);
    const Value* value = table.find(name);
    if (value == nullptr) return;
    std::vector<std::string> names;
    for (const auto& [text, choice] : choices.names) {
      if (value->is(Value::Kind::kString) && value->string() == text) {
        field = choice;
        return;
      }
      names.emplace_back(text);
    }
    report_choice(*value, name, names, mistakes);
  }
};

struct Writer {
  Value table = Value::Table{};

  template <class T, class Constraint>
  void operator()(std::string_view name, T& field, const Constraint&, std::string_view,
                  std::string_view) {
    table.set(name, write(field));
  }
  template <class E>
  void operator()(std::string_view name, E& field, const Choices<E>& choices, std::string_view,
                  std::string_view) {
    for (const auto& [text, choice] : choices.names)
      if (choice == field) table.set(name, std::string(text));
    CW_CHECK(table.find(name) != nullptr, "`{}` has a value without a name", name);
  }
};

struct Describer {
  std::vector<OptionInfo> lines;

  template <class T, class Constraint>
  void operator()(std::string_view name, T& field, const Constraint& constraint,
                  std::string_view unit, std::string_view meaning) {
    OptionInfo line{std::string(name), type_text<T>(),      write(field).text(), "",
                    std::string(unit), std::string(meaning)};
    if constexpr (requires { constraint.low; })
      line.range = range_text(constraint.low, constraint.high);
    if constexpr (std::is_same_v<Constraint, Required>) line.fallback = "(required)";
    lines.push_back(std::move(line));
  }
  template <class E>
  void operator()(std::string_view name, E& field, const Choices<E>& choices, std::string_view unit,
                  std::string_view meaning) {
    OptionInfo line{std::string(name), "name", "", "", std::string(unit), std::string(meaning)};
    for (const auto& [text, choice] : choices.names) {
      line.range += (line.range.empty() ? "" : ", ") + std::string(text);
      if (choice == field) line.fallback = "\"" + std::string(text) + "\"";
    }
    lines.push_back(std::move(line));
  }
};

}  // namespace options_detail

/// Fills `options` from a table (kNone: all defaults). Unknown keys, wrong kinds, values out of
/// range and missing required fields become mistakes; a field with a mistake keeps its default.
template <class Options>
void read_options(const Value& table, Options& options, Mistakes& mistakes) {
  if (table.is(Value::Kind::kNone)) {
    options_detail::Reader reader{table, mistakes, {}};
    options.each(reader);
    return;
  }
  if (!table.is(Value::Kind::kTable))
    return options_detail::report_kind(table, "this", "a table", mistakes);
  options_detail::Reader reader{table, mistakes, {}};
  options.each(reader);
  options_detail::report_unknown(table, reader.known, mistakes);
}

/// The options as a table with every default written out.
template <class Options>
Value write_options(const Options& options) {
  options_detail::Writer writer;
  Options copy = options;
  copy.each(writer);
  return std::move(writer.table);
}

/// Name, type, default, range, unit and meaning of every option.
template <class Options>
std::vector<OptionInfo> describe_options() {
  options_detail::Describer describer;
  Options defaults;
  defaults.each(describer);
  return std::move(describer.lines);
}

}  // namespace causeway

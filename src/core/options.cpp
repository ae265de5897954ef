// SPDX-License-Identifier: Apache-2.0
#include "core/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <tuple>

#include "core/plugin.h"

namespace causeway {
namespace {

/// Levenshtein's distance, by the usual two rows.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t above = row[j + 1];
      row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row.back();
}

std::string did_you_mean(std::string_view name, const std::vector<std::string>& names) {
  const std::string near = nearest(name, names);
  return near.empty() ? "" : fmt::format("; did you mean `{}`?", near);
}

bool same(const Location& a, const Location& b) { return a.file == b.file && a.line == b.line; }

/// The text of a value, cut so that a message stays on one line of a terminal.
std::string shown(const Value& value) {
  constexpr size_t kLengthMax = 60;
  std::string text = value.text();
  if (text.size() <= kLengthMax) return text;
  size_t end = kLengthMax;
  // Not in the middle of a UTF-8 character.
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

}  // namespace

void Mistakes::add(const Location& where, std::string what) {
  for (const auto& [old_where, old_what] : lines_)
    if (old_what == what && same(old_where, where)) return;
  lines_.emplace_back(where, std::move(what));
}

std::string Mistakes::text() const {
  auto sorted = lines_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first.file, a.first.line) < std::tie(b.first.file, b.first.line);
  });
  std::string out;
  for (const auto& [where, what] : sorted)
    out += where.file.empty() ? what + "\n" : fmt::format("{}: {}\n", where.text(), what);
  return out;
}

std::string nearest(std::string_view name, const std::vector<std::string>& candidates) {
  std::string best;
  // One slip in a short name, a third of a long one: else everything is near to `lr`.
  const size_t slips = name.size() < 4 ? 1 : std::max<size_t>(2, name.size() / 3);
  size_t best_distance = slips + 1;
  for (const std::string& candidate : candidates) {
    const size_t distance = edit_distance(name, candidate);
    const bool shares_something = distance < std::max(name.size(), candidate.size());
    if (shares_something && distance < best_distance) best = candidate, best_distance = distance;
  }
  return best;
}

namespace options_detail {

std::string range_text(double low, double high) {
  const bool open_low = low == std::numeric_limits<double>::lowest();
  const bool open_high = high == std::numeric_limits<double>::max();
  if (open_low && open_high) return "a number";
  if (open_low) return fmt::format("at most {}", high);
  if (open_high) return fmt::format("at least {}", low);
  return fmt::format("{} to {}", low, high);
}

std::string range_text(int64_t low, int64_t high) {
  const bool open_low = low == std::numeric_limits<int64_t>::lowest();
  const bool open_high = high == std::numeric_limits<int64_t>::max();
  if (open_low && open_high) return "an integer";
  if (open_low) return fmt::format("at most {}", high);
  if (open_high) return fmt::format("at least {}", low);
  return fmt::format("{} to {}", low, high);
}

bool read(const Value& value, bool& out) {
  if (!value.is(Value::Kind::kBool)) return false;
  out = value.boolean();
  return true;
}
bool read(const Value& value, int64_t& out) {
  if (!value.is(Value::Kind::kInteger)) return false;
  out = value.integer();
  return true;
}
bool read(const Value& value, double& out) {
  if (!value.is(Value::Kind::kFloat) && !value.is(Value::Kind::kInteger)) return false;
  out = value.number();
  return true;
}
bool read(const Value& value, std::string& out) {
  if (!value.is(Value::Kind::kString)) return false;
  out = value.string();
  return true;
}
bool read(const Value& value, Plugin& out) {
  if (value.is(Value::Kind::kString)) {
    out = {value.string(), {}};
    out.options.where = value.where;
    return true;
  }
  const Value* name = value.find("name");
  if (name == nullptr || !name->is(Value::Kind::kString)) return false;
  Value options = Value::Table{};
  options.where = value.where;
  for (const auto& [key, entry] : value.table())
    if (key != "name") options.set(key, entry);
  out = {name->string(), std::move(options)};
  return true;
}
bool read(const Value& value, Value& out) {
  out = value;
  return true;
}

Value write(bool value) { return value; }
Value write(int64_t value) { return value; }
Value write(double value) { return value; }
Value write(const std::string& value) { return value; }
Value write(const Plugin& value) {
  const bool plain = !value.options.is(Value::Kind::kTable) || value.options.table().empty();
  if (plain) return value.name;
  Value out;
  out.set("name", value.name);
  for (const auto& [key, entry] : value.options.table()) out.set(key, entry);
  return out;
}
Value write(const Value& value) { return value; }

void report_unknown(const Value& table, const std::vector<std::string>& known, Mistakes& mistakes) {
  for (const auto& [key, value] : table.table()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    std::string hint = did_you_mean(key, known);
    if (hint.empty())
      hint = known.empty() ? "; there are none"
                           : fmt::format("; there are: {}", fmt::join(known, ", "));
    mistakes.add(value.where, fmt::format("`{}` is no option here{}", key, hint));
  }
}

void report_kind(const Value& got, std::string_view name, std::string_view wanted,
                 Mistakes& mistakes) {
  mistakes.add(got.where, fmt::format("`{}` is {}, {}; wanted: {}", name, shown(got),
                                      got.kind_name(), wanted));
}

void report_range(const Value& got, std::string_view name, std::string_view wanted,
                  Mistakes& mistakes) {
  mistakes.add(got.where, fmt::format("`{}` is {}; wanted: {}", name, shown(got), wanted));
}

void report_choice(const Value& got, std::string_view name, const std::vector<std::string>& names,
                   Mistakes& mistakes) {
  const std::string hint =
      got.is(Value::Kind::kString) ? did_you_mean(got.string(), names) : std::string();
  mistakes.add(got.where, fmt::format("`{}` is {}; wanted one of: {}{}", name, shown(got),
                                      fmt::join(names, ", "), hint));
}

void report_missing(const Value& table, std::string_view name, std::string_view wanted,
                    Mistakes& mistakes) {
  mistakes.add(table.where, fmt::format("`{}` is missing; wanted: {}", name, wanted));
}

}  // namespace options_detail

void plugin_detail::report_unknown(std::string_view kind, const std::string& name,
                                   const Location& where, const std::vector<std::string>& names,
                                   Mistakes& mistakes) {
  mistakes.add(where, fmt::format("no {} is called `{}`{}; there are: {}", kind, name,
                                  did_you_mean(name, names), fmt::join(names, ", ")));
}

}  // namespace causeway

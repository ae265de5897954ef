// SPDX-License-Identifier: Apache-2.0
#include "lab/loss_table.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "core/check.h"
#include "lab/known_losses.h"
#include "shape/json_file.h"

namespace causeway {
namespace {

using nlohmann::json;

constexpr size_t kEntriesMax = 1'000;
constexpr double kNatsMax = 1'000;

/// Reads the fields of one object; keeps what is wrong first.
class FieldReader {
 public:
  FieldReader(const json& object, std::string place) : object_(object), place_(std::move(place)) {}

  const json* find(const char* key) {
    const auto found = object_.find(key);
    if (found != object_.end()) return &*found;
    complain(key, "is missing", "");
    return nullptr;
  }

  std::string text(const char* key) {
    const json* value = find(key);
    if (value == nullptr) return {};
    if (value->is_string()) return value->get<std::string>();
    complain(key, got(*value), "a text");
    return {};
  }

  int64_t integer(const char* key, int64_t low, int64_t high) {
    const json* value = find(key);
    if (value == nullptr) return low;
    // What is above int64 is unsigned to the parser.
    if (value->is_number_integer() &&
        !(value->is_number_unsigned() && value->get<uint64_t>() > static_cast<uint64_t>(high)))
      if (const auto number = value->get<int64_t>(); number >= low && number <= high) return number;
    complain(key, got(*value), fmt::format("a whole number from {} to {}", low, high));
    return low;
  }

  /// `null` is what JSON has for numbers that are not finite: then `otherwise`.
  double number(const char* key, double low, double high, double otherwise) {
    const json* value = find(key);
    if (value == nullptr || value->is_null()) return otherwise;
    if (value->is_number())
      if (const auto number = value->get<double>(); number >= low && number <= high) return number;
    complain(key, got(*value), fmt::format("a number from {} to {}", low, high));
    return otherwise;
  }

  const json& list(const char* key) {
    static const json empty = json::array();
    const json* value = find(key);
    if (value == nullptr) return empty;
    if (value->is_array() && value->size() <= kEntriesMax) return *value;
    complain(key, value->is_array() ? fmt::format("has {} entries", value->size()) : got(*value),
             fmt::format("a list of at most {}", kEntriesMax));
    return empty;
  }

  void complain(const std::string& key, const std::string& what, const std::string& wanted) {
    if (!wrong_.empty()) return;
    wrong_ = fmt::format("{}`{}` {}", place_, key, what);
    if (!wanted.empty()) wrong_ += "; wanted: " + wanted;
  }
  const std::string& wrong() const { return wrong_; }

 private:
  static std::string got(const json& value) {
    // Names of files and the like may hold anything: not more than a glance of it.
    return "is " + value.dump(-1, ' ', true, json::error_handler_t::replace).substr(0, 60);
  }

  const json& object_;
  const std::string place_;
  std::string wrong_;
};

/// An interval, "in `method` 3: ...".
Interval read_interval(const json& value, const std::string& place, std::string& wrong) {
  Interval out;
  if (!value.is_object()) {
    if (wrong.empty()) wrong = place + "is no object with `mean`, `half` and `count`";
    return out;
  }
  FieldReader reader(value, place);
  out.count = reader.integer("count", 0, 1'000'000);
  out.mean = reader.number("mean", -kNatsMax, kNatsMax, std::numeric_limits<double>::quiet_NaN());
  out.half = reader.number("half", 0, kNatsMax, std::numeric_limits<double>::infinity());
  if (wrong.empty()) wrong = reader.wrong();
  return out;
}

MethodLoss read_method(const json& value, size_t panels, const std::string& place,
                       std::string& wrong) {
  MethodLoss out;
  if (!value.is_object()) {
    if (wrong.empty()) wrong = place + "is no object";
    return out;
  }
  FieldReader reader(value, place);
  out.method = reader.text("method");
  if (const json* gap = reader.find("gap"); gap != nullptr)
    out.gap = read_interval(*gap, place + "`gap`: ", wrong);
  const json& gaps = reader.list("gaps");
  if (gaps.size() != panels)
    reader.complain("gaps", fmt::format("has {} entries", gaps.size()),
                    fmt::format("one for each of the {} panels", panels));
  for (const json& gap : gaps) out.gaps.push_back(read_interval(gap, place + "`gaps`: ", wrong));
  if (wrong.empty()) wrong = reader.wrong();
  return out;
}

void read_panels(const json& list, LossTable& out, std::string& wrong) {
  for (const json& panel : list)
    if (panel.is_string())
      out.panels.push_back(panel.get<std::string>());
    else if (wrong.empty())
      wrong = "`panels` wants names";
  if (std::set(out.panels.begin(), out.panels.end()).size() != out.panels.size() && wrong.empty())
    wrong = "`panels` names one twice";
}

json interval_json(const Interval& interval) {
  return {{"mean", interval.mean}, {"half", interval.half}, {"count", interval.count}};
}

}  // namespace

Result<LossTable> parse_loss_table(const std::string& text, const std::string& name) {
  CW_ASSIGN(json root, parse_object(text, name));
  if (root.contains("advice") && root["advice"].is_object()) root = json(root["advice"]);
  LossTable out;
  std::string wrong;
  FieldReader reader(root, "");
  out.measured = reader.text("measured");
  read_panels(reader.list("panels"), out, wrong);
  const json& methods = reader.list("methods");
  // An empty table says nothing of how it was measured.
  const int64_t least = methods.empty() ? 0 : 1;
  out.workers = reader.integer("workers", least, 65'536);
  out.period = reader.integer("period", least, 1'000'000'000);
  out.doubling_nats = reader.number("doubling_nats", methods.empty() ? 0 : 1e-6, 100,
                                    std::numeric_limits<double>::quiet_NaN());
  if (std::isnan(out.doubling_nats))
    reader.complain("doubling_nats", "is no finite number", "what twice the tokens gain");
  std::set<std::string> names;
  for (const json& method : methods) {
    const std::string place = fmt::format("method {}: ", out.methods.size() + 1);
    out.methods.push_back(read_method(method, out.panels.size(), place, wrong));
    if (!names.insert(out.methods.back().method).second && wrong.empty())
      wrong = fmt::format("{}`{}` is there twice", place, out.methods.back().method);
  }
  if (!reader.wrong().empty()) wrong = reader.wrong();
  if (!wrong.empty()) return failure(Fault::kBadInput, "{}: {}", name, wrong);
  return out;
}

std::string loss_table_json(const LossTable& table) {
  json methods = json::array();
  for (const MethodLoss& one : table.methods) {
    json gaps = json::array();
    for (const Interval& gap : one.gaps) gaps.push_back(interval_json(gap));
    methods.push_back(
        {{"method", one.method}, {"gap", interval_json(one.gap)}, {"gaps", std::move(gaps)}});
  }
  const json out = {{"measured", table.measured},
                    {"panels", table.panels},
                    {"workers", table.workers},
                    {"period", table.period},
                    {"doubling_nats", table.doubling_nats},
                    {"methods", std::move(methods)}};
  return out.dump(1) + "\n";
}

const LossTable& known_losses() {
  static const LossTable table = [] {
    const auto parsed = parse_loss_table(std::string(kKnownLosses), "known_losses.json");
    CW_CHECK(parsed.ok(), "{}", parsed.error().message);
    return *parsed;
  }();
  return table;
}

}  // namespace causeway

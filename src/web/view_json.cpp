// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <limits>

#include "web/json_writer.h"
#include "web/status_text.h"
#include "web/web_server.h"

namespace causeway {
namespace {

using Json = nlohmann::json;

constexpr int64_t kDepthMax = 8;

// nlohmann's values take memory by depth and are freed by depth: no text of ours has more than 5.
bool is_too_deep(std::string_view text) {
  int64_t depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"')
      quoted = !quoted;
    else if (quoted)
      i += c == '\\';
    else if (c == '{' || c == '[')
      ++depth;
    else if (c == '}' || c == ']')
      --depth;
    if (depth > kDepthMax) return true;
  }
  return false;
}

// Keeps the first thing that is wrong, with where it is.
class JsonReader {
 public:
  JsonReader(const Json& object, std::string where, std::string& wrong)
      : object_(object), where_(std::move(where)), wrong_(wrong) {
    if (!object.is_object()) fail("", "an object");
  }

  template <class T>
  void operator()(const char* name, T& field) {
    if (const Json* json = find(name)) read(*json, name, field);
  }
  void time(const char* name, double& field) {
    if (const Json* json = find(name)) read_or(*json, name, field, -1);
  }
  void loss(const char* name, double& field) {
    const Json* finite = find("loss_finite");
    const bool diverged = finite != nullptr && *finite == false;
    if (const Json* json = find(name))
      read_or(*json, name, field, diverged ? std::numeric_limits<double>::quiet_NaN() : 0);
  }
  template <class T>
  void pairs(const char* name, const char* first, const char* second,
             std::vector<std::pair<int32_t, T>>& field) {
    const Json* list = find_list(name);
    for (size_t i = 0; list != nullptr && i < list->size() && wrong_.empty(); ++i) {
      JsonReader pair((*list)[i], where_ + at(name, i) + ".", wrong_);
      field.emplace_back();
      pair(first, field.back().first);
      pair(second, field.back().second);
    }
  }
  template <class T>
  void operator()(const char* name, std::vector<T>& field) {
    const Json* list = find_list(name);
    for (size_t i = 0; list != nullptr && i < list->size() && wrong_.empty(); ++i) {
      field.emplace_back();
      if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
        read((*list)[i], at(name, i), field.back());
      } else {
        JsonReader entry((*list)[i], where_ + at(name, i) + ".", wrong_);
        each_field(entry, field.back());
      }
    }
  }

 private:
  static std::string at(std::string_view name, size_t i) { return fmt::format("{}[{}]", name, i); }
  void fail(std::string_view name, std::string_view wanted) {
    if (wrong_.empty()) wrong_ = fmt::format("{}{}: want {}", where_, name, wanted);
  }
  const Json* find(const char* name) const {
    if (!wrong_.empty()) return nullptr;
    const auto found = object_.find(name);
    return found == object_.end() ? nullptr : &*found;
  }
  const Json* find_list(const char* name) {
    const Json* list = find(name);
    if (list == nullptr || list->is_array()) return list;
    fail(name, "a list");
    return nullptr;
  }

  void read(const Json& json, std::string_view name, bool& field) {
    if (!json.is_boolean()) return fail(name, "true or false");
    field = json.get<bool>();
  }
  void read(const Json& json, std::string_view name, std::string& field) {
    if (!json.is_string()) return fail(name, "a text");
    field = json.get<std::string>();
  }
  void read(const Json& json, std::string_view name, double& field) {
    read_or(json, name, field, std::numeric_limits<double>::quiet_NaN());
  }
  void read_or(const Json& json, std::string_view name, double& field, double if_null) {
    if (json.is_null())
      field = if_null;
    else if (json.is_number())
      field = json.get<double>();
    else
      fail(name, "a number");
  }
  void read(const Json& json, std::string_view name, int64_t& field) {
    read_whole(json, name, field);
  }
  void read(const Json& json, std::string_view name, int32_t& field) {
    read_whole(json, name, field);
  }
  template <class T>
  void read_whole(const Json& json, std::string_view name, T& field) {
    if (json.is_number_unsigned() && json.get<uint64_t>() > uint64_t(std::numeric_limits<T>::max()))
      return fail(name, "a smaller number");
    if (!json.is_number_integer()) return fail(name, "a whole number");
    const auto value = json.get<int64_t>();
    if (value < std::numeric_limits<T>::min()) return fail(name, "a greater number");
    field = static_cast<T>(value);
  }
  void read(const Json& json, std::string_view name, MemberStatus& field) {
    constexpr std::array kAll = {MemberStatus::kJoining, MemberStatus::kTraining,
                                 MemberStatus::kFollowing, MemberStatus::kGone,
                                 MemberStatus::kExpected};
    for (const MemberStatus status : kAll)
      if (json == member_status_name(status)) return void(field = status);
    fail(name, "a member's status");
  }
  void read(const Json& json, std::string_view name, RoundStatus& field) {
    constexpr std::array kAll = {RoundStatus::kOpen, RoundStatus::kClosed, RoundStatus::kCommitted,
                                 RoundStatus::kAborted};
    for (const RoundStatus status : kAll)
      if (json == round_status_name(status)) return void(field = status);
    fail(name, "a round's status");
  }

  const Json& object_;
  std::string where_;
  std::string& wrong_;
};

}  // namespace

std::string json_of(const HubView& view) {
  auto object = nlohmann::ordered_json::object();
  JsonWriter writer(object);
  each_field(writer, view);
  return json_text(object);
}

Result<HubView> view_of(std::string_view json) {
  if (json.size() > kViewBytesMax)
    return failure(Fault::kCorrupt, "the hub's status has {} bytes, want at most {}", json.size(),
                   kViewBytesMax);
  if (is_too_deep(json))
    return failure(Fault::kCorrupt, "the hub's status is nested more than {} deep", kDepthMax);
  const Json object = Json::parse(json, nullptr, false);
  if (object.is_discarded())
    return failure(Fault::kCorrupt, "the hub's status is not JSON: is this a hub's address?");
  HubView view;
  std::string wrong;
  JsonReader reader(object, "", wrong);
  each_field(reader, view);
  if (!wrong.empty()) return failure(Fault::kCorrupt, "the hub's status cannot be read: {}", wrong);
  return view;
}

}  // namespace causeway

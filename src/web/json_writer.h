// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "web/view_fields.h"

namespace causeway {

/// Writes a view's fields into a JSON object of the type `Json`, either that of nlohmann's. What is
/// not known or not finite becomes null.
template <class Json>
class JsonWriter {
 public:
  explicit JsonWriter(Json& object) : object_(object) {}

  template <class T>
  void operator()(const char* name, const T& value) {
    object_[name] = json_of_value(value);
  }
  void time(const char* name, double value) {
    object_[name] = value < 0 ? Json() : json_of_value(value);
  }
  /// A loss that is known but not finite is null with `loss_finite` false.
  void loss(const char* name, double value) {
    object_[name] = value == 0 ? Json() : json_of_value(value);
    object_["loss_finite"] = std::isfinite(value);
  }
  template <class T>
  void pairs(const char* name, const char* first, const char* second,
             const std::vector<std::pair<int32_t, T>>& values) {
    Json list = Json::array();
    for (const auto& [worker, what] : values)
      list.push_back({{first, worker}, {second, json_of_value(what)}});
    object_[name] = std::move(list);
  }

  template <class T>
  static Json json_of_value(const T& value) {
    if constexpr (std::is_same_v<T, MemberStatus>) {
      return member_status_name(value);
    } else if constexpr (std::is_same_v<T, RoundStatus>) {
      return round_status_name(value);
    } else if constexpr (std::is_floating_point_v<T>) {
      return std::isfinite(value) ? Json(value) : Json();
    } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
      return value;
    } else {
      return json_of_view(value);
    }
  }

 private:
  template <class T>
  static Json json_of_value(const std::vector<T>& values) {
    Json list = Json::array();
    for (const T& value : values) list.push_back(json_of_value(value));
    return list;
  }
  template <class View>
  static Json json_of_view(const View& view) {
    Json object = Json::object();
    JsonWriter writer(object);
    each_field(writer, view);
    return object;
  }

  Json& object_;
};

/// Any bytes in texts are safe: what is not UTF-8 becomes U+FFFD.
template <class Json>
std::string json_text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "data/json_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

namespace causeway {
namespace {

constexpr int kJsonDepthMax = 256;
constexpr size_t kEscapeBytes = 6;  // \uD83D

/// Takes a line's JSON event by event and keeps nothing but the field, however large the rest is.
class FieldReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit FieldReader(std::string_view name) : name_(name) {}

  JsonField take() {
    if (trouble_.empty() && !is_found_)
      trouble_ = fmt::format("no field `{}`", name_);
    else if (trouble_.empty() && !kind_.empty())
      trouble_ = fmt::format("field `{}` is {}, not text", name_, kind_);
    return {std::move(text_), std::move(trouble_)};
  }

  bool null() override { return other("null"); }
  bool boolean(bool) override { return other("true or false"); }
  bool number_integer(number_integer_t) override { return other("a number"); }
  bool number_unsigned(number_unsigned_t) override { return other("a number"); }
  bool number_float(number_float_t, const string_t&) override { return other("a number"); }
  bool binary(binary_t&) override { return other("binary data"); }

  bool string(string_t& value) override {
    if (!other("")) return false;
    if (std::exchange(is_wanted_, false)) text_ = std::move(value);
    return true;
  }
  bool start_object(size_t) override {
    if (depth_ > 0 && !other("an object")) return false;
    return enter();
  }
  bool start_array(size_t) override {
    if (!other("a list")) return false;
    return enter();
  }
  bool key(string_t& key) override {
    is_wanted_ = depth_ == 1 && key == name_;
    return true;
  }
  bool end_object() override {
    --depth_;
    return true;
  }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    if (trouble_.empty()) trouble_ = fmt::format("no JSON at byte {}", position);
    return false;
  }

 private:
  bool enter() {
    is_wanted_ = false;
    if (++depth_ <= kJsonDepthMax) return true;
    trouble_ = fmt::format("values lie more than {} deep", kJsonDepthMax);
    return false;
  }
  /// A value begins, of a kind that is named if it is no text.
  bool other(std::string_view kind) {
    if (depth_ == 0) {
      trouble_ = "no JSON object";
      return false;
    }
    if (is_wanted_) {
      is_found_ = true;
      kind_ = kind;
    }
    return true;
  }

  const std::string_view name_;
  std::string text_, trouble_;
  std::string_view kind_;
  int depth_ = 0;
  bool is_wanted_ = false, is_found_ = false;
};

/// The number of the escape at `at`, a backslash, u and four digits, if one is there.
std::optional<uint32_t> escaped(std::string_view json, size_t at) {
  if (json.size() < kEscapeBytes || at > json.size() - kEscapeBytes) return std::nullopt;
  if (json[at] != '\\' || json[at + 1] != 'u') return std::nullopt;
  uint32_t code = 0;
  const char* begin = json.data() + at + 2;
  const auto [end, error] = std::from_chars(begin, begin + 4, code, 16);
  if (error != std::errc() || end != begin + 4) return std::nullopt;
  return code;
}

bool is_first_half(uint32_t code) { return code >= 0xD800 && code <= 0xDBFF; }
bool is_second_half(uint32_t code) { return code >= 0xDC00 && code <= 0xDFFF; }

}  // namespace

JsonField read_json_field(std::string_view line, std::string_view name) {
  FieldReader reader(name);
  nlohmann::json::sax_parse(line.data(), line.data() + line.size(), &reader);
  return reader.take();
}

int64_t mend_lone_surrogates(std::string& json) {
  int64_t count = 0;
  for (size_t at = json.find('\\'); at != json.npos; at = json.find('\\', at)) {
    const std::optional<uint32_t> code = escaped(json, at);
    if (!code) {
      at += 2;  // an escape of one letter, such as a backslash
      continue;
    }
    const std::optional<uint32_t> next = escaped(json, at + kEscapeBytes);
    if (is_first_half(*code) && next && is_second_half(*next)) {
      at += 2 * kEscapeBytes;
      continue;
    }
    if (is_first_half(*code) || is_second_half(*code)) {
      json.replace(at + 2, 4, "FFFD");
      ++count;
    }
    at += kEscapeBytes;
  }
  return count;
}

}  // namespace causeway

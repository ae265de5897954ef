// SPDX-License-Identifier: Apache-2.0
#include "shape/json_file.h"

#include <array>
#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

namespace causeway {
namespace {

constexpr int kDepthMax = 64;

/// Brackets that are open at once, outside of texts. Right for any text that is JSON.
int depth_of(std::string_view text) {
  int depth = 0, most = 0;
  bool in_text = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_text) {
      if (c == '\\') ++i;
      in_text = c != '"';
    } else if (c == '"') {
      in_text = true;
    } else if (c == '{' || c == '[') {
      most = std::max(most, ++depth);
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return most;
}

}  // namespace

Result<std::string> read_text(const std::string& path, size_t bytes_max) {
  std::ifstream in(path, std::ios::binary);
  if (!in)
    return failure(Fault::kIo, "{}: cannot be read: {}", path,
                   std::generic_category().message(errno));
  std::string text;
  std::array<char, 65'536> part{};
  while (in.read(part.data(), part.size()), in.gcount() > 0) {
    text.append(part.data(), static_cast<size_t>(in.gcount()));
    if (text.size() > bytes_max)
      return failure(Fault::kBadInput, "{}: more than {} bytes", path, bytes_max);
  }
  if (in.bad()) return failure(Fault::kIo, "{}: cannot be read", path);
  return text;
}

Result<nlohmann::json> parse_object(std::string_view text, const std::string& name) {
  if (const int depth = depth_of(text); depth > kDepthMax)
    return failure(Fault::kBadInput, "{}: nested {} deep; at most {} wanted", name, depth,
                   kDepthMax);
  nlohmann::json object = nlohmann::json::parse(text, nullptr, false);
  if (!object.is_object()) return failure(Fault::kBadInput, "{} is no JSON object", name);
  return object;
}

Result<nlohmann::json> read_object(const std::string& path, size_t bytes_max) {
  CW_ASSIGN(const std::string text, read_text(path, bytes_max));
  return parse_object(text, path);
}

}  // namespace causeway

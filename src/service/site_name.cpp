// SPDX-License-Identifier: Apache-2.0
#include "service/site_name.h"

#include <algorithm>
#include <cctype>

namespace causeway {

std::string certificate_name(const std::string& site) {
  constexpr size_t kLengthMax = 64;
  std::string out = site.substr(0, kLengthMax);
  for (size_t i = 0; i < out.size(); ++i) {
    const bool inside = out[i] == '.' || out[i] == '-' || out[i] == '_';
    if (std::isalnum(static_cast<unsigned char>(out[i])) == 0 && !(inside && i > 0)) out[i] = '-';
  }
  if (!out.empty() && out.front() == '-') out.front() = 'x';
  return out.empty() ? "site" : out;
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "web/live_page.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>

#include "core/check.h"

namespace causeway {
namespace {

// As a policy names a text: 'sha256-BASE64'.
std::string source_of(std::string_view text) {
  std::array<unsigned char, 32> hash{};
  unsigned size = 0;
  CW_CHECK(::EVP_Digest(text.data(), text.size(), hash.data(), &size, ::EVP_sha256(), nullptr) ==
           1);
  std::array<unsigned char, 45> base64{};
  const int length = ::EVP_EncodeBlock(base64.data(), hash.data(), static_cast<int>(hash.size()));
  return fmt::format("'sha256-{}'", std::string(base64.data(), base64.data() + length));
}

void replace(std::string& text, std::string_view mark, std::string_view by) {
  const size_t at = text.find(mark);
  CW_CHECK(at != std::string::npos, "{}", mark);
  text.replace(at, mark.size(), by);
}

}  // namespace

LivePage live_page() {
  LivePage page{std::string(kPageTemplate)};
  replace(page.html, "{{style}}", kPageStyle);
  replace(page.html, "{{script}}", kPageScript);
  page.policy = fmt::format(
      "default-src 'none'; style-src {}; script-src {}; connect-src 'self'; img-src data:; "
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
      "require-trusted-types-for 'script'; trusted-types 'none'",
      source_of(kPageStyle), source_of(kPageScript));
  return page;
}

}  // namespace causeway

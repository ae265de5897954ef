// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace causeway {

// The parts in src/web/page, as CMakeLists.txt puts them together.
extern const std::string_view kPageTemplate, kPageStyle, kPageScript;

struct LivePage {
  std::string html;
  /// Its Content-Security-Policy: its own style and script by their hashes, its own events, and
  /// nothing else; no text of the run can become markup.
  std::string policy;
};

LivePage live_page();

}  // namespace causeway

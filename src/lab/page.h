// SPDX-License-Identifier: Apache-2.0
//
// What the lab's pages share: each is one file that loads nothing.
#pragma once

#include <string>
#include <string_view>

namespace causeway {

/// Up to the body's beginning. `title` and `style` are ours, not escaped.
std::string page_start(std::string_view title, std::string_view style);
std::string page_end();

/// Text as HTML and SVG want it between tags and in attributes.
std::string escaped(std::string_view text);

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
//
// What `causeway status` needs: the hub's JSON back into a view, and the view on a terminal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"
#include "web/view.h"

namespace causeway {

inline constexpr size_t kViewBytesMax = size_t{8} << 20;

/// Reads what `json_of` wrote. The text comes from a stranger: any bytes are safe, more than
/// kViewBytesMax are refused. Fields that are missing keep their defaults and those of a newer hub
/// are passed over. Fault::kCorrupt, naming the field, for one of the wrong kind.
Result<HubView> view_of(std::string_view json);

/// The run in a few lines and tables of at most `width` columns (40 or more), newlines between and
/// at the end; columns that do not fit are left out. Texts of the run cannot steer the terminal.
/// `colour`: with ANSI colours.
std::string status_text(const HubView& view, int width, bool colour);

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
//
// Which fields of a config.json do not change the mathematics.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace causeway {

/// Problems that are told of one file; no more than one beyond them is collected.
constexpr size_t kProblemsMax = 50;

/// A value for a message: short, on one line, whatever it holds.
std::string shown(const nlohmann::json& value);

/// Adds a line for every field of `table` that is in neither `read` nor the list of harmless ones
/// and might change the mathematics: whose value is a number, true, or a list or table that is not
/// empty. `prefix` goes before the names.
void refuse_unknown(const nlohmann::json& table, std::span<const std::string_view> read,
                    std::string_view prefix, std::vector<std::string>& problems);

}  // namespace causeway

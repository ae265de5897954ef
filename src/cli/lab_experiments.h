// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>

namespace causeway {

/// Adds a subcommand for each experiment to `causeway lab`.
void add_experiments(CLI::App& family, int& exit_code);

}  // namespace causeway

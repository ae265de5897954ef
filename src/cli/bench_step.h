// SPDX-License-Identifier: Apache-2.0
//
// Measurements that a driver (tools/bench.py) interleaves with those of other systems: a process
// prepares, then runs as many steps as each line of its input says, and answers with one line.
#pragma once

#include <CLI/CLI.hpp>

namespace causeway {

/// `causeway bench step`, `products` and `replicas`.
void add_bench_step(CLI::App& bench, int& exit_code);

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace causeway {

/// Measures the synchronisation's hot path on the calling thread: memory (triad and copy), the fold
/// of 8 replicas, the Nesterov outer step, encode and decode of every codec. Large arrays (25M
/// values; 4M if `quick`), and blocks that stay in the second-level cache. Returns an array of rows
/// as `bench_row` makes them. Every result is compared with that of a plain loop before it is
/// timed; one that differs fails a check.
nlohmann::json bench_sync(bool quick);

}  // namespace causeway

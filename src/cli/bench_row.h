// SPDX-License-Identifier: Apache-2.0
//
// How a benchmark times and reports.
#pragma once

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace causeway {

/// Median seconds of `runs` calls after one that is not counted.
template <class Call>
double median_seconds(int runs, Call&& call) {
  call();
  std::vector<double> seconds;
  for (int i = 0; i < runs; ++i) {
    const auto began = std::chrono::steady_clock::now();
    call();
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  }
  std::ranges::sort(seconds);
  return seconds[seconds.size() / 2];
}

/// One result: what was measured, and the limit of the same machine that it is compared with.
inline nlohmann::json bench_row(const std::string& what, double value, const std::string& unit,
                                double limit, const std::string& limit_name) {
  return {{"what", what},   {"value", value},         {"unit", unit},
          {"limit", limit}, {"ratio", value / limit}, {"limit_name", limit_name}};
}

}  // namespace causeway

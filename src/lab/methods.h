// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "lab/chart.h"
#include "lab/laboratory.h"

namespace causeway {

/// Presets that exchange anything: all but `none`.
std::vector<std::string> method_names();

/// The method as an arm, with rounds every `period` steps if it has rounds.
Arm method_arm(const std::string& preset, int64_t period, Text text = Text::kMixed);

/// The same method under another name, with further changes.
Arm variant_arm(const std::string& series, const std::string& preset, int64_t period,
                std::vector<std::string> set, Text text = Text::kMixed);

/// The result of a series on a text, at the first x where it is. Must be there.
const ArmResult& result_of(const std::vector<ArmResult>& results, const std::string& series,
                           Text text = Text::kMixed);
/// And at this x.
const ArmResult& result_at(const std::vector<ArmResult>& results, const std::string& series,
                           double x, Text text = Text::kMixed);

/// Loss against x: a joined series for each name, the text mixed. The x axis is logarithmic.
Chart chart_of_series(const std::vector<ArmResult>& results, const std::vector<std::string>& names,
                      const std::string& title, const std::string& x_label);

/// Loss against bytes of these, which are labelled: the fewest bytes first. With the front of those
/// that no other beats in both.
Chart chart_of_bytes(std::vector<const ArmResult*> rows, const std::string& title);

/// "1.2 MB".
std::string mean_bytes_text(double bytes);
/// "43x": how many times fewer bytes than fp32 gradients every step.
std::string times_less_text(const ArmResult& result);

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace causeway {

struct Tick {
  double value = 0;
  std::string text;  ///< empty: a small one between those with numbers
};

/// One direction of a chart: which values it shows and which it names.
struct Axis {
  bool log = false;
  double low = 0, high = 1;  ///< at its ends; powers of ten's exponents if `log`
  std::vector<Tick> ticks;   ///< between the ends

  /// 0 at the low end, 1 at the high one.
  double part(double value) const;
};

/// Shows `low` to `high` and a little more; both are finite, ordered and at most 1e300 from 0, and
/// above 0 if `log`. Named ticks: steps of 1, 2, 2.5 or 5 times a power of ten, about `ticks` of
/// them; if `log` decades, their 2 and 5 too where decades are few.
Axis axis_of(double low, double high, bool log, int ticks);

}  // namespace causeway

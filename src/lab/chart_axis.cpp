// SPDX-License-Identifier: Apache-2.0
#include "lab/chart_axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace causeway {
namespace {

// Of the range, beyond the outermost values at each end.
constexpr double kMargin = 0.05;

std::string superscript(int number) {
  constexpr std::array<const char*, 10> kDigits = {"⁰", "¹", "²", "³", "⁴",
                                                   "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string out;
  for (const char one : std::to_string(number)) out += one == '-' ? "⁻" : kDigits[one - '0'];
  return out;
}

// Of the power of ten in `value`; the nudge bears 1000 having a logarithm of 2.9999.
int exponent_of(double value) {
  return static_cast<int>(std::floor(std::log10(std::abs(value)) + 1e-9));
}

// Decimal places that show multiples of `step` exactly.
int places_of(double step) {
  const int first = std::max(0, -exponent_of(step));
  const double scaled = step * std::pow(10.0, first);
  return std::abs(scaled - std::round(scaled)) > 1e-6 ? first + 1 : first;
}

// 2.5×10⁹
std::string power_text(double value, double step) {
  if (value == 0) return "0";
  const int exponent = exponent_of(value);
  const double scale = std::pow(10.0, exponent);
  const int places = std::min(15, places_of(std::abs(step / scale)));
  std::string mantissa = fmt::format("{:.{}f}", value / scale, places);
  if (places > 0) {
    mantissa.erase(mantissa.find_last_not_of('0') + 1);
    if (mantissa.back() == '.') mantissa.pop_back();
  }
  std::string power = "10" + superscript(exponent);
  if (mantissa == "1") return power;
  if (mantissa == "-1") return "-" + power;
  return mantissa + "×" + power;
}

bool wants_powers(double largest, double step) { return largest >= 1e6 || step < 1e-5; }

double nice_step(double span, int ticks) {
  const double rough = span / ticks;
  const double power = std::pow(10.0, exponent_of(rough));
  for (const double nice : {1.0, 2.0, 2.5, 5.0})
    if (nice * power >= rough * 0.9) return nice * power;
  return 10 * power;
}

std::vector<Tick> linear_ticks(double low, double high, int ticks) {
  const double step = nice_step(high - low, ticks);
  const bool powers = wants_powers(std::max(std::abs(low), std::abs(high)), step);
  std::vector<Tick> out;
  for (double i = std::ceil(low / step - 1e-9); i <= std::floor(high / step + 1e-9); ++i) {
    const double value = i * step + 0.0;  // no negative zero
    out.push_back(
        {value, powers ? power_text(value, step) : fmt::format("{:.{}f}", value, places_of(step))});
  }
  return out;
}

// 1, 2 and 5 of a decade have a number where all three do not crowd; every `stride`th decade does
// where there are many.
struct LogTicks {
  bool halves = false;
  int stride = 1;
};

std::vector<Tick> log_ticks(double low, double high, const LogTicks& which) {
  const bool powers = high > 5 || low < -4;
  std::vector<Tick> out;
  for (int decade = static_cast<int>(std::floor(low)); decade <= high; ++decade) {
    for (int digit = 1; digit <= 9; ++digit) {
      const double value = digit * std::pow(10.0, decade);
      const double at = decade + std::log10(digit);
      const bool named =
          digit == 1 ? decade % which.stride == 0 : which.halves && (digit == 2 || digit == 5);
      if (at < low || at > high || (!named && which.stride > 1)) continue;
      out.push_back({value, !named   ? ""
                            : powers ? power_text(value, std::pow(10.0, decade))
                                     : fmt::format("{:.{}f}", value, std::max(0, -decade))});
    }
  }
  return out;
}

int64_t named(const std::vector<Tick>& ticks) {
  return std::ranges::count_if(ticks, [](const Tick& tick) { return !tick.text.empty(); });
}

Axis log_axis(double low, double high, int ticks) {
  Axis axis{.log = true, .low = std::log10(low), .high = std::log10(high)};
  const double span = axis.high - axis.low;
  const double margin = span < 1e-9 ? 0.1 : span * kMargin;
  axis.low -= margin;
  axis.high += margin;
  const double decades = axis.high - axis.low;
  axis.ticks = log_ticks(axis.low, axis.high,
                         {.halves = decades * 3 <= ticks + 2,
                          .stride = std::max(1, static_cast<int>(std::ceil(decades / ticks)))});
  if (named(axis.ticks) < 3 && decades < 2)  // a piece of a decade: round numbers of its own
    axis.ticks = linear_ticks(std::pow(10.0, axis.low), std::pow(10.0, axis.high), ticks);
  return axis;
}

}  // namespace

double Axis::part(double value) const {
  return ((log ? std::log10(value) : value) - low) / (high - low);
}

Axis axis_of(double low, double high, bool log, int ticks) {
  if (log) return log_axis(low, high, ticks);
  const double size = std::max(std::abs(low), std::abs(high));
  double margin = (high - low) * kMargin;
  if (high - low <= size * 1e-9) margin = size == 0 ? 1 : size * 0.05;
  Axis axis{.low = low - margin, .high = high + margin};
  if (low >= 0) axis.low = std::max(axis.low, 0.0);  // nothing below 0 where nothing is
  axis.ticks = linear_ticks(axis.low, axis.high, ticks);
  return axis;
}

}  // namespace causeway

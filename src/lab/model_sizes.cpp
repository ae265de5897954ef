// SPDX-License-Identifier: Apache-2.0
#include "lab/model_sizes.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <span>

namespace causeway {
namespace {

struct UsualShape {
  double number;  ///< that its name says
  int64_t layers, width, heads, inner;
  double learning_rate;  ///< Brown and others, arXiv:2005.14165, table 2.1, at the nearest size
};

// 60m, 125m, 350m: the Llamas of the GaLore paper (arXiv:2403.03507), which others compare on;
// 760m: between its neighbours; 1.3b: Sheared LLaMA (arXiv:2310.06694); 3b: OpenLLaMA; from 7b on:
// Llama (arXiv:2302.13971).
constexpr UsualShape kUsual[] = {
    {60e6, 8, 512, 8, 1376, 1e-3},      {125e6, 12, 768, 12, 2048, 6e-4},
    {350e6, 24, 1024, 16, 2736, 3e-4},  {760e6, 24, 1536, 16, 4096, 2.5e-4},
    {1.3e9, 24, 2048, 16, 5504, 2e-4},  {3e9, 26, 3200, 32, 8640, 1.6e-4},
    {7e9, 32, 4096, 32, 11008, 1.2e-4}, {13e9, 40, 5120, 40, 13824, 1e-4},
    {33e9, 60, 6656, 52, 17920, 1e-4},  {65e9, 80, 8192, 64, 22016, 1e-4}};
constexpr double kNumberMin = 20e6, kNumberMax = 200e9;

LlamaOptions with_usual_text(LlamaOptions options) {
  options.vocabulary = 32'000;
  options.context = 2'048;
  return options.resolved();
}

LlamaOptions options_of(const UsualShape& usual) {
  LlamaOptions out;
  out.layers = usual.layers;
  out.width = usual.width;
  out.heads = usual.heads;
  out.inner = usual.inner;
  return with_usual_text(out);
}

/// Layers by the logarithm of the size, on the line through the usual shapes on either side.
double layers_between(double number) {
  const std::span usual(kUsual);
  size_t next = 1;
  while (next + 1 < usual.size() && usual[next].number < number) ++next;
  const UsualShape &a = usual[next - 1], &b = usual[next];
  const double part = std::log(number / a.number) / std::log(b.number / a.number);
  return std::max(2.0,
                  static_cast<double>(a.layers) + part * static_cast<double>(b.layers - a.layers));
}

/// What llama_layout counts, without its names.
double parameters_of(const LlamaOptions& o) {
  const int64_t block = 4 * o.width * o.width + 3 * o.width * o.inner + 2 * o.width;
  return static_cast<double>(o.layers * block + (2 * o.vocabulary + 1) * o.width);
}

/// Heads are 64 wide in small models, and 128 from where widths are multiples of that.
LlamaOptions made_to_measure(double number) {
  LlamaOptions best;
  double least = std::numeric_limits<double>::infinity();
  const auto middle = std::llround(layers_between(number));
  for (int64_t layers = std::max<int64_t>(2, middle - 2); layers <= middle + 2; ++layers)
    for (int64_t width = 64; width <= 16'384; width += width < 2'048 ? 64 : 128) {
      LlamaOptions one;
      one.layers = layers;
      one.width = width;
      one.heads = width / (width < 2'048 ? 64 : 128);
      one = with_usual_text(one);
      const double off = std::abs(std::log(parameters_of(one) / number));
      if (off < least) {
        least = off;
        best = one;
      }
    }
  return best;
}

/// 0 if it is none.
double number_of(const std::string& text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [unit, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || end - unit != 1) return 0;
  if (*unit == 'm' || *unit == 'M') return number * 1e6;
  return *unit == 'b' || *unit == 'B' ? number * 1e9 : 0;
}

}  // namespace

Result<ModelSize> model_size(const std::string& text) {
  const double number = number_of(text);
  if (!(number >= kNumberMin && number <= kNumberMax))
    return failure(Fault::kBadInput,
                   "the model `{}` is not understood; wanted: its parameters, 20m to 200b, for "
                   "example 350m or 1.3b",
                   text);
  const auto distance = [&](const UsualShape& one) {
    return std::abs(std::log(one.number / number));
  };
  const UsualShape& nearest = *std::ranges::min_element(kUsual, {}, distance);
  ModelSize out;
  out.name = text;
  out.usual = distance(nearest) < 1e-9;
  out.options = out.usual ? options_of(nearest) : made_to_measure(number);
  out.parameters = llama_layout(out.options).count();
  out.learning_rate = nearest.learning_rate;
  return out;
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "core/random.h"
#include "shape/llama_shape.h"

namespace causeway {
namespace {

constexpr double kDeviation = 0.02;

/// N(0, 0.02), and less for what is added to the residual stream, which 2 layers' matrices share:
/// Radford and others, "Language Models are Unsupervised Multitask Learners", section 2.3.
double deviation(const LlamaOptions& options, const Tensor& tensor) {
  const bool adds =
      tensor.name.ends_with("o_proj.weight") || tensor.name.ends_with("down_proj.weight");
  return adds ? kDeviation / std::sqrt(2.0 * static_cast<double>(options.layers)) : kDeviation;
}

}  // namespace

void LlamaShape::initialise(uint64_t seed, size_t index, std::span<float> values) const {
  const Tensor& tensor = layout_.tensors()[index];
  CW_CHECK(std::ssize(values) == tensor.count, "{} values for `{}` of {}", values.size(),
           tensor.name, tensor.count);
  if (tensor.role == Role::kNorm) {
    std::ranges::fill(values, 1.0F);
    return;
  }
  if (tensor.role == Role::kBias) {
    std::ranges::fill(values, 0.0F);
    return;
  }
  const Random random(seed, Stream::kWeights, static_cast<uint32_t>(index));
  const double scale = deviation(options_, tensor);
  for (size_t j = 0; j < values.size(); ++j)
    values[j] = static_cast<float>(scale * random.normal(j));
}

extern const Entry<ModelShape> shapes_llama;
const Entry<ModelShape> shapes_llama = entry<ModelShape, LlamaShape>(
    "llama", "Decoder with RMSNorm, rotary positions, grouped queries, SwiGLU.");

}  // namespace causeway

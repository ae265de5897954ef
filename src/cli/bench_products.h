// SPDX-License-Identifier: Apache-2.0
//
// M rows of a slice, C channels, O outputs, B rows of text, T time, H = N + 2G heads, D head width.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "model/model.h"

namespace causeway {

struct BenchSizes {
  int64_t layers = 4, width = 128, heads = 4, context = 64, tokens = 4096;
  int64_t micro_tokens = 1024, lanes = 0;
  int32_t threads = 1;
  std::string precision = "fp32";
  bool recompute = false;
  StepOptions step_options() const;
};

/// The matrix products and the attention of one training step, on buffers of their own that are
/// written again and again: what a step would take if all else were free.
class StepProducts {
 public:
  explicit StepProducts(const BenchSizes& sizes);
  ~StepProducts();
  StepProducts(const StepProducts&) = delete;
  StepProducts& operator=(const StepProducts&) = delete;
  void run_products();
  void run_attention();

 private:
  struct Lane;
  struct Product;
  void run_products(Lane& lane);
  void run_attention(Lane& lane);

  BenchSizes sizes_;
  int64_t slices_ = 0;  ///< of a lane
  std::vector<Lane> lanes_;
};

}  // namespace causeway

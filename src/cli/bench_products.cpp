// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_products.h"

#include <ATen/Parallel.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randn.h>

#include <algorithm>

#include "model/attention.h"
#include "model/llama_memory.h"

namespace causeway {

/// y W^T, dy W and dy^T y of one matrix.
struct StepProducts::Product {
  at::Tensor y_MC, w_OC, out_MO, dy_MC, dw_OC;

  Product(int64_t rows, int64_t outputs, int64_t inputs, at::ScalarType type)
      : y_MC(at::randn({rows, inputs}).to(type)),
        w_OC(at::randn({outputs, inputs}).to(type)),
        out_MO(at::empty({rows, outputs}, y_MC.options())),
        dy_MC(at::empty_like(y_MC)),
        dw_OC(at::empty_like(w_OC)) {}

  void run() {
    at::mm_out(out_MO, y_MC, w_OC.t());
    at::mm_out(dy_MC, out_MO, w_OC);
    at::mm_out(dw_OC, out_MO.t(), y_MC);
  }
};

struct StepProducts::Lane {
  std::vector<Product> of_block;
  std::vector<Product> head;
  at::Tensor heads_BTHD, out_BTND, log_sum_BNT, dout_BTND, dheads_BTHD;
};

StepProducts::StepProducts(const BenchSizes& sizes) : sizes_(sizes) {
  LlamaOptions options;
  options.layers = sizes.layers;
  options.width = sizes.width;
  options.heads = sizes.heads;
  options.context = sizes.context;
  const LlamaOptions o = options.resolved();
  const StepOptions step = sizes.step_options();
  const StepShape shape = step_shape(StepMatrixMap(o, llama_layout(o)),
                                     sizes.tokens / sizes.context, sizes.context, step);
  const int64_t batch = shape.slice_rows, m = batch * sizes.context, c = o.width;
  const int64_t k = o.heads * o.head_width, heads = o.heads + 2 * o.kv_heads;
  slices_ = (shape.begin(1) + batch - 1) / batch;
  for (int64_t i = 0; i < shape.lanes; ++i) {
    Lane& lane = lanes_.emplace_back();
    for (const auto& [outputs, inputs] :
         {std::pair{heads * o.head_width, c}, {c, k}, {2 * o.inner, c}, {c, o.inner}})
      lane.of_block.emplace_back(m, outputs, inputs, step.type);
    lane.head.emplace_back(m, o.vocabulary, c, step.type);
    lane.heads_BTHD = at::randn({batch, sizes.context, heads, o.head_width}).to(step.type);
    lane.out_BTND = at::randn({batch, sizes.context, o.heads, o.head_width}).to(step.type);
    lane.log_sum_BNT = at::empty({batch, o.heads, sizes.context}, at::kFloat);
    lane.dout_BTND = at::randn(lane.out_BTND.sizes()).to(step.type);
    lane.dheads_BTHD = at::empty_like(lane.heads_BTHD);
  }
}

StepProducts::~StepProducts() = default;

void StepProducts::run_products() {
  at::parallel_for(0, std::ssize(lanes_), 1, [&](int64_t begin, int64_t end) {
    for (int64_t lane = begin; lane < end; ++lane) run_products(lanes_[static_cast<size_t>(lane)]);
  });
}

void StepProducts::run_attention() {
  at::parallel_for(0, std::ssize(lanes_), 1, [&](int64_t begin, int64_t end) {
    for (int64_t lane = begin; lane < end; ++lane) run_attention(lanes_[static_cast<size_t>(lane)]);
  });
}

void StepProducts::run_products(Lane& lane) {
  for (int64_t slice = 0; slice < slices_; ++slice) {
    for (int64_t layer = 0; layer < sizes_.layers; ++layer)
      for (Product& product : lane.of_block) product.run();
    for (Product& product : lane.head) product.run();
  }
}

void StepProducts::run_attention(Lane& lane) {
  const HeadCounts counts{sizes_.heads, sizes_.heads};
  for (int64_t i = 0; i < slices_ * sizes_.layers; ++i) {
    attend(counts, lane.heads_BTHD, lane.out_BTND, lane.log_sum_BNT);
    attend_backward(counts, lane.heads_BTHD, lane.out_BTND, lane.log_sum_BNT, lane.dout_BTND,
                    lane.dheads_BTHD);
  }
}

}  // namespace causeway

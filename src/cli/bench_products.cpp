// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_products.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <memory>
#include <span>

#include "model/attention.h"
#include "model/llama_memory.h"
#include "model/product.h"

namespace causeway {

/// y W^T, dy W and dy^T y of one matrix.
struct StepProducts::Product {
  at::Tensor y_MC, w_OC, out_MO, dy_MC, sum;
  Workspace memory;
  WeightMatrix packed;
  bool reads_stream;  ///< its inputs are the residual stream's: its gradient is transposed

  Product(int64_t rows, int64_t outputs, int64_t inputs, bool reads, at::ScalarType type)
      : y_MC(at::randn({rows, inputs}).to(type)),
        w_OC(at::randn({outputs, inputs})),
        out_MO(at::empty({rows, outputs}, y_MC.options())),
        dy_MC(at::empty_like(y_MC)),
        sum(at::zeros({reads ? inputs : outputs, reads ? outputs : inputs})),
        packed(pack_weights(std::span(&w_OC, 1), {}, type, memory)),
        reads_stream(reads) {}

  void run() {
    product(y_MC, packed, out_MO);
    product_backward(out_MO, packed, dy_MC);
    add_outer_product(reads_stream ? y_MC : out_MO, reads_stream ? out_MO : y_MC, true, sum);
  }
};

struct StepProducts::Lane {
  std::vector<std::unique_ptr<Product>> of_block;
  std::unique_ptr<Product> head;
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
    const auto add = [&](int64_t outputs, int64_t inputs, bool reads) {
      lane.of_block.push_back(std::make_unique<Product>(m, outputs, inputs, reads, step.type));
    };
    add(heads * o.head_width, c, true);
    add(c, k, false);
    add(2 * o.inner, c, true);
    add(c, o.inner, false);
    lane.head = std::make_unique<Product>(m, o.vocabulary, c, true, step.type);
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
      for (const auto& product : lane.of_block) product->run();
    lane.head->run();
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

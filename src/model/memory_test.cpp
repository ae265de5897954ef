// SPDX-License-Identifier: Apache-2.0
#include <ATen/Parallel.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <thread>

#include "model/oracle.h"
#include "tensor/workspace.h"

namespace causeway {
namespace {

struct MemorySizes {
  std::string name;
  int64_t layers, width, heads, kv_heads, head_width, inner, vocabulary, rows, time;
  std::string architecture = "llama";
  bool bf16 = false, recompute = false;
  int64_t lanes = 1, micro_tokens = 1 << 20;
};

class StepBytes : public testing::TestWithParam<MemorySizes> {};

// Goal: `explain` tells the truth about memory. Method: the most that a step's workspace held.
// Sizes are chosen so that each part of the step is the largest once.
TEST_P(StepBytes, IsWhatAStepTakes) {
  const MemorySizes& s = GetParam();
  Value options;
  options.set("layers", s.layers);
  options.set("width", s.width);
  options.set("heads", s.heads);
  options.set("kv_heads", s.kv_heads);
  options.set("head_width", s.head_width);
  options.set("inner", s.inner);
  options.set("vocabulary", s.vocabulary);
  options.set("architecture", s.architecture);
  const auto model = oracle::make_llama(options);
  const auto placement = std::make_shared<Placement>(model->layout());
  Arena x(placement), g(placement);
  model->initialise(1, x);
  const at::Tensor tokens = at::zeros({s.rows, s.time + 1}, at::kLong);
  const StepOptions step{s.bf16 ? at::kBFloat16 : at::kFloat, s.lanes, s.micro_tokens, s.recompute};
  int64_t taken = 0;
  std::thread([&] {  // with a workspace of its own
    at::set_num_threads(1);
    model->loss_and_gradient(x, tokens, g, step);
    taken = Workspace::of_this_thread().bytes_most();
  })
      .join();
  const int64_t tokens_bytes = 2 * s.rows * s.time * static_cast<int64_t>(sizeof(int64_t));
  EXPECT_EQ(taken, model->step_bytes(s.rows, s.time, step, 1) - tokens_bytes);
}

INSTANTIATE_TEST_SUITE_P(
    Largest, StepBytes,
    testing::Values(
        MemorySizes{"Head", 1, 32, 2, 2, 16, 32, 2000, 16, 64},
        MemorySizes{"HeadByParts", 1, 8, 2, 2, 4, 8, 20000, 16, 32},
        MemorySizes{"Qwen2", 2, 32, 8, 8, 32, 32, 32, 16, 64, "qwen2"},
        MemorySizes{"Qwen2ManyRows", 1, 2, 1, 1, 2, 2, 2, 64, 256, "qwen2"},
        MemorySizes{"Qwen3", 2, 32, 8, 2, 32, 32, 32, 16, 64, "qwen3"},
        MemorySizes{"Qwen3Projection", 1, 32, 8, 8, 32, 32, 32, 16, 64, "qwen3"},
        MemorySizes{"Mlp", 1, 64, 2, 2, 16, 512, 64, 16, 64},
        MemorySizes{"AttentionKernel", 1, 32, 8, 2, 32, 32, 32, 16, 64},
        MemorySizes{"Projection", 1, 32, 8, 8, 32, 32, 32, 16, 64},
        MemorySizes{"ManyLayers", 4, 64, 4, 2, 16, 192, 256, 16, 64},
        MemorySizes{"Bf16", 2, 64, 4, 2, 16, 192, 256, 16, 64, "llama", true},
        MemorySizes{"Bf16Qwen3", 2, 64, 4, 2, 16, 192, 256, 16, 64, "qwen3", true},
        MemorySizes{"Recompute", 4, 64, 4, 2, 16, 192, 256, 16, 64, "llama", false, true},
        MemorySizes{"RecomputeHead", 2, 32, 2, 2, 16, 32, 2000, 16, 64, "qwen2", true, true},
        MemorySizes{"Lanes", 2, 64, 4, 2, 16, 192, 256, 16, 64, "llama", true, false, 4, 128}),
    [](const auto& sizes) { return sizes.param.name; });

}  // namespace
}  // namespace causeway

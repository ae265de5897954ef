// SPDX-License-Identifier: Apache-2.0
#include <ATen/Parallel.h>
#include <ATen/ops/zeros.h>
#include <c10/core/CPUAllocator.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "model/oracle.h"

namespace causeway {
namespace {

/// Stands before LibTorch's allocator and keeps count. One thread.
class CountingAllocator final : public c10::Allocator {
 public:
  CountingAllocator() : real_(c10::GetCPUAllocator()) { c10::SetCPUAllocator(this, 1); }
  ~CountingAllocator() override { c10::SetCPUAllocator(real_, 1); }

  c10::DataPtr allocate(size_t bytes) override {
    live_ += static_cast<int64_t>(bytes);
    most_ = std::max(most_, live_);
    auto* block = new Block{real_->allocate(bytes), bytes, this};
    return {block->data.get(), block, &release, block->data.device()};
  }
  void copy_data(void* target, const void* source, size_t bytes) const override {
    real_->copy_data(target, source, bytes);
  }

  int64_t live() const { return live_; }
  int64_t most() const { return most_; }

 private:
  struct Block {
    c10::DataPtr data;
    size_t bytes;
    CountingAllocator* owner;
  };
  static void release(void* pointer) {
    auto* block = static_cast<Block*>(pointer);
    block->owner->live_ -= static_cast<int64_t>(block->bytes);
    delete block;
  }

  c10::Allocator* real_;
  int64_t live_ = 0, most_ = 0;
};

struct Sizes {
  std::string name;
  int64_t layers, width, heads, kv_heads, head_width, inner, vocabulary, rows, time;
  std::string architecture = "llama";
};

class ActivationBytes : public testing::TestWithParam<Sizes> {};

// Goal: `explain` tells the truth about memory. Method: count what LibTorch's allocator hands out
// in a step. Sizes are chosen so that each part of the step is the largest once.
TEST_P(ActivationBytes, IsWhatAStepAllocates) {
  const Sizes& s = GetParam();
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
  at::set_num_threads(1);
  model->loss_and_gradient(x, tokens, g);  // LibTorch keeps a little from its first call

  int64_t most = 0;
  {
    CountingAllocator allocator;
    model->loss_and_gradient(x, tokens, g);
    most = allocator.most();
    EXPECT_EQ(allocator.live(), 0) << "something outlives the step";
  }
  const int64_t stated = model->activation_bytes(s.rows, s.time);
  EXPECT_LE(most, stated);
  EXPECT_GE(static_cast<double>(most), 0.97 * static_cast<double>(stated));
}

INSTANTIATE_TEST_SUITE_P(
    Largest, ActivationBytes,
    testing::Values(Sizes{"Head", 1, 32, 2, 2, 16, 32, 2000, 16, 64},
                    Sizes{"HeadByParts", 1, 8, 2, 2, 4, 8, 20000, 16, 32},
                    Sizes{"Qwen2", 2, 32, 8, 8, 32, 32, 32, 16, 64, "qwen2"},
                    Sizes{"Qwen2ManyRows", 1, 2, 1, 1, 2, 2, 2, 64, 256, "qwen2"},
                    Sizes{"Qwen3", 2, 32, 8, 2, 32, 32, 32, 16, 64, "qwen3"},
                    Sizes{"Qwen3Projection", 1, 32, 8, 8, 32, 32, 32, 16, 64, "qwen3"},
                    Sizes{"Mlp", 1, 64, 2, 2, 16, 512, 64, 16, 64},
                    Sizes{"AttentionKernel", 1, 32, 8, 2, 32, 32, 32, 16, 64},
                    Sizes{"Projection", 1, 32, 8, 8, 32, 32, 32, 16, 64},
                    Sizes{"ManyLayers", 4, 64, 4, 2, 16, 192, 256, 16, 64}),
    [](const auto& sizes) { return sizes.param.name; });

}  // namespace
}  // namespace causeway

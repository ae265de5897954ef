// SPDX-License-Identifier: Apache-2.0
#include "tensor/workspace.h"

#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cstdlib>

#include "core/check.h"
#include "core/memory.h"

namespace causeway {
namespace {

constexpr int64_t kAlignBytes = 128;
constexpr int64_t kHugePageBytes = int64_t{1} << 21;

int64_t rounded(int64_t bytes, int64_t step) { return (bytes + step - 1) / step * step; }

struct Free {
  void operator()(std::byte* memory) const { std::free(memory); }
};

}  // namespace

struct Workspace::Chunk {
  std::unique_ptr<std::byte, Free> memory;
  int64_t bytes = 0;
};

Workspace::Workspace() = default;
Workspace::~Workspace() = default;

Workspace::Scope::Scope(Workspace& workspace)
    : workspace_(workspace),
      chunk_(workspace.chunk_),
      used_(workspace.used_),
      total_(workspace.total_) {}

Workspace::Scope::~Scope() { workspace_.release(chunk_, used_, total_); }

int64_t Workspace::bytes(int64_t count, at::ScalarType dtype) {
  return rounded(count * static_cast<int64_t>(c10::elementSize(dtype)), kAlignBytes);
}

void Workspace::add_chunk(int64_t bytes) {
  const bool huge = bytes >= kHugePageBytes;
  const int64_t size = rounded(bytes, huge ? kHugePageBytes : kAlignBytes);
  auto* memory = static_cast<std::byte*>(std::aligned_alloc(
      static_cast<size_t>(huge ? kHugePageBytes : kAlignBytes), static_cast<size_t>(size)));
  CW_CHECK(memory != nullptr, "no memory for {} bytes of a step", size);
  if (huge) want_large_pages(memory, static_cast<size_t>(size));
  chunks_.push_back({std::unique_ptr<std::byte, Free>(memory), size});
}

at::Tensor Workspace::take(at::IntArrayRef sizes, at::ScalarType dtype) {
  const int64_t wanted = bytes(c10::multiply_integers(sizes), dtype);
  if (total_ == 0 && chunks_.empty() && most_ > 0) add_chunk(std::max(most_, wanted));
  if (chunks_.empty()) add_chunk(wanted);
  while (used_ + wanted > chunks_[chunk_].bytes) {
    if (chunk_ + 1 == chunks_.size()) add_chunk(std::max(wanted, chunks_[chunk_].bytes));
    ++chunk_;
    used_ = 0;
  }
  std::byte* memory = chunks_[chunk_].memory.get() + used_;
  used_ += wanted;
  total_ += wanted;
  most_ = std::max(most_, total_);
  return at::from_blob(memory, sizes, at::device(at::kCPU).dtype(dtype));
}

void Workspace::release(size_t chunk, int64_t used, int64_t total) {
  chunk_ = chunk;
  used_ = used;
  total_ = total;
  // A stack in pieces wastes their ends: the next one is as large as this has become.
  if (total_ == 0 && chunks_.size() > 1) chunks_.clear();
}

Workspace& Workspace::of_this_thread() {
  thread_local Workspace workspace;
  return workspace;
}

}  // namespace causeway

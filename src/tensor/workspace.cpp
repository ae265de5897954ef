// SPDX-License-Identifier: Apache-2.0
#include "tensor/workspace.h"

#include <ATen/ops/from_blob.h>
#include <sys/mman.h>

#include <algorithm>

#include "core/check.h"
#include "core/memory.h"

namespace causeway {
namespace {

constexpr int64_t kWorkspaceAlignBytes = 128;
constexpr int64_t kHugePageBytes = int64_t{1} << 21;

int64_t rounded(int64_t bytes, int64_t step) { return (bytes + step - 1) / step * step; }

/// Pages of the system's own, so that what is given back is given back at once, which the C library
/// does not promise.
std::byte* map_pages(int64_t bytes) {
  void* pages = ::mmap(nullptr, static_cast<size_t>(bytes), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CW_CHECK(pages != MAP_FAILED, "no memory for {} bytes of a step", bytes);
  return static_cast<std::byte*>(pages);
}

}  // namespace

/// Memory that begins on a large page.
struct Workspace::Chunk {
  explicit Chunk(int64_t wanted)
      : bytes(rounded(wanted, kHugePageBytes)),
        mapped(bytes + kHugePageBytes),
        pages(map_pages(mapped)),
        memory(pages + rounded(reinterpret_cast<intptr_t>(pages), kHugePageBytes) -
               reinterpret_cast<intptr_t>(pages)) {
    want_large_pages(memory, static_cast<size_t>(bytes));
  }
  ~Chunk() { ::munmap(pages, static_cast<size_t>(mapped)); }
  Chunk(const Chunk&) = delete;
  Chunk& operator=(const Chunk&) = delete;

  const int64_t bytes, mapped;
  std::byte* const pages;
  std::byte* const memory;
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
  return rounded(count * static_cast<int64_t>(c10::elementSize(dtype)), kWorkspaceAlignBytes);
}

at::Tensor Workspace::take(at::IntArrayRef sizes, at::ScalarType dtype) {
  const int64_t wanted = bytes(c10::multiply_integers(sizes), dtype);
  const auto add_chunk = [this](int64_t bytes) {
    chunks_.push_back(std::make_unique<Chunk>(bytes));
  };
  if (chunks_.empty()) add_chunk(std::max(most_, wanted));
  while (used_ + wanted > chunks_[chunk_]->bytes) {
    if (chunk_ + 1 == chunks_.size()) add_chunk(std::max(wanted, chunks_[chunk_]->bytes));
    ++chunk_;
    used_ = 0;
  }
  std::byte* memory = chunks_[chunk_]->memory + used_;
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

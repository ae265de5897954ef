// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace causeway {

/// Memory for what a step needs only while it runs: a stack of tensors. It grows in the first step;
/// from the second on nothing is allocated, and the pages stay warm. One thread at a time.
class Workspace {
 public:
  Workspace();
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  /// Gives back, when it ends, all that was taken since it began. Scopes end in reverse order.
  class Scope {
   public:
    explicit Scope(Workspace& workspace);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Workspace& workspace_;
    size_t chunk_;
    int64_t used_, total_;
  };

  /// A contiguous CPU tensor on 128 bytes, of unspecified values, for as long as the innermost
  /// scope lasts. A tensor that is kept longer refers to memory that is used again.
  at::Tensor take(at::IntArrayRef sizes, at::ScalarType dtype);

  /// Most bytes that were taken at once, alignment included.
  int64_t bytes_most() const { return most_; }
  /// What a tensor of so many values takes.
  static int64_t bytes(int64_t count, at::ScalarType dtype);

  /// The calling thread's own.
  static Workspace& of_this_thread();

 private:
  struct Chunk;
  void release(size_t chunk, int64_t used, int64_t total);

  std::vector<std::unique_ptr<Chunk>> chunks_;
  size_t chunk_ = 0;   // the one in use
  int64_t used_ = 0;   // of it
  int64_t total_ = 0;  // of all
  int64_t most_ = 0;
};

}  // namespace causeway

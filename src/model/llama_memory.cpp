// SPDX-License-Identifier: Apache-2.0
#include <ATen/Parallel.h>

#include <algorithm>

#include "model/column_sums.h"
#include "model/llama_options.h"

namespace causeway {
namespace {

/// A bound on the values of scores that LibTorch's attention kernel holds in all its threads.
int64_t kernel_tiles(int64_t time) {
  const int64_t queries = std::clamp<int64_t>(time, 32, 256), keys = std::min<int64_t>(time, 512);
  return at::get_num_threads() * 2 * queries * (keys + 1);
}

/// Values that column_sums holds: blocks of rows, and blocks of those.
int64_t sums(int64_t rows, int64_t columns) {
  const int64_t blocks = (rows + kRowsPerSum - 1) / kRowsPerSum;
  return columns * blocks + (blocks > 1 ? sums(blocks, columns) : 0);
}

}  // namespace

int64_t head_rows(const LlamaOptions& options, int64_t rows) {
  return std::min(rows, std::max<int64_t>(1, kLogitsMax / options.vocabulary));
}

// What the blocks keep, and the largest of what the head and the backward passes of the last block
// add to it. Every term is a tensor of plugins/llama.cpp, block.cpp or head_norm.cpp.
int64_t llama_activation_bytes(const LlamaOptions& o, int64_t rows, int64_t time) {
  const int64_t m = rows * time, c = o.width, inner = o.inner;
  const int64_t q = o.heads * o.head_width, kv = o.kv_heads * o.head_width, qkv = q + 2 * kv;
  const int64_t saved_norm = o.has_head_norm() ? m * (q + kv + o.heads + o.kv_heads) : 0;
  const int64_t saved_attention = m * (c + 1 + qkv + q + o.heads) + saved_norm;
  const int64_t saved_mlp = m * (c + 1 + 4 * inner);
  // The targets' log-probabilities are gathered, and their indices copied for it.
  const int64_t head =
      m * (2 * c + 1) + head_rows(o, m) * (o.vocabulary + 3) + 2 + 2 * o.vocabulary * c;
  const int64_t mlp = m * (3 * inner + c) + 4 * inner * c;
  // Grouped keys and values are repeated for the kernel, and their gradients summed after it.
  const int64_t kernel = m * (4 * q + (kv == q ? 0 : std::max(2 * q, 2 * kv))) + kernel_tiles(time);
  int64_t project = m * c + 2 * qkv * c;
  if (o.has_biases()) project = std::max(project, sums(m, qkv)) + qkv;
  if (o.has_head_norm()) project = std::max(project, 2 * sums(m, o.head_width));
  project += m * (2 * q + 2 * kv + qkv);
  const int64_t values =
      m * c + o.layers * (saved_attention + saved_mlp) + std::max({head, mlp, kernel, project});
  return values * static_cast<int64_t>(sizeof(float)) +
         2 * m * static_cast<int64_t>(sizeof(int64_t));
}

}  // namespace causeway

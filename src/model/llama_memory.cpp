// SPDX-License-Identifier: Apache-2.0
#include "model/llama_memory.h"

#include <algorithm>
#include <bit>

#include "kernel/attention_kernel.h"
#include "model/column_sums.h"
#include "model/element.h"

namespace causeway {
namespace {

constexpr int64_t kLaneTokens = 1024;  // fewer are not worth a lane
constexpr int64_t kLanesMax = 16;
constexpr int64_t kLaneValues = int64_t{1} << 24;  // of all lanes' gradients, beyond two lanes

/// What the workspace holds for one slice.
class SliceBytes {
 public:
  SliceBytes(const LlamaOptions& sizes, int64_t rows, int64_t time, at::ScalarType type)
      : o_(sizes), rows_(rows), time_(time), m_(rows * time), type_(type) {}

  int64_t peak(bool recompute) const {
    const int64_t stream = wide(m_ * o_.width);
    const int64_t last =
        narrow(m_ * o_.width) + wide(m_) + (type_ == at::kFloat ? 0 : narrow(m_ * o_.width));
    const int64_t block = attention_saved() + mlp_saved();
    const int64_t rounded =
        type_ == at::kBFloat16 && !has_small_products(type_) ? narrow(m_ * o_.width) : 0;
    const int64_t forward = std::max({kernel(), narrow(m_ * o_.inner) + rounded, rounded});
    const int64_t backward = std::max(attention_backward(), mlp_backward());
    const int64_t kept = stream + o_.layers * (recompute ? stream : block);
    if (!recompute) return kept + std::max(forward, last + std::max(head(), backward));
    return kept +
           std::max(block + forward, last + std::max(head(), block + std::max(forward, backward)));
  }

 private:
  int64_t wide(int64_t count) const { return Workspace::bytes(count, at::kFloat); }
  int64_t narrow(int64_t count) const { return Workspace::bytes(count, type_); }
  int64_t heads() const { return o_.heads + 2 * o_.kv_heads; }
  AttentionSizes attention() const { return {time_, o_.heads, o_.kv_heads, o_.head_width}; }

  int64_t attention_saved() const {
    const int64_t normed = o_.heads + o_.kv_heads;
    const int64_t head_norm =
        o_.has_head_norm() ? narrow(m_ * normed * o_.head_width) + wide(m_ * normed) : 0;
    return narrow(m_ * o_.width) + wide(m_) + narrow(m_ * heads() * o_.head_width) + head_norm +
           narrow(m_ * o_.heads * o_.head_width) + wide(m_ * o_.heads);
  }
  int64_t mlp_saved() const { return narrow(m_ * o_.width) + wide(m_) + narrow(m_ * 2 * o_.inner); }
  /// Our kernel's scratch; or what LibTorch's allocates, and its copies of grouped heads.
  int64_t kernel() const {
    if (attention_kernel_fits(attention()))
      return Workspace::bytes(static_cast<int64_t>(attention_scratch_bytes(attention())),
                              at::kByte);
    const int64_t q = o_.heads * o_.head_width;
    const int64_t tiles =
        2 * std::clamp<int64_t>(time_, 32, 256) * (std::min<int64_t>(time_, 512) + 1);
    return narrow(m_ * 6 * q) + wide(tiles);
  }
  int64_t outer(int64_t channels, int64_t columns) const {
    return outer_product_bytes(m_, channels, columns, type_);
  }
  int64_t head() const {
    const int64_t step = head_rows(o_, m_);
    return narrow(m_ * o_.width) + wide(m_) + narrow(step * o_.vocabulary) +
           outer_product_bytes(step, o_.width, o_.vocabulary, type_);
  }
  int64_t mlp_backward() const {
    return narrow(m_ * o_.inner) + std::max({outer(o_.width, 2 * o_.inner),
                                             outer(o_.width, o_.inner), narrow(m_ * o_.width)});
  }
  int64_t attention_backward() const {
    const int64_t q = o_.heads * o_.head_width, qkv = heads() * o_.head_width;
    const int64_t gains =
        o_.has_head_norm() ? wide((m_ + kRowsPerSum - 1) / kRowsPerSum * 2 * o_.head_width) : 0;
    return std::max(outer(o_.width, q),
                    narrow(m_ * q) + narrow(m_ * qkv) +
                        std::max({kernel(), gains, outer(o_.width, qkv), narrow(m_ * o_.width)}));
  }

  const LlamaOptions& o_;
  int64_t rows_, time_, m_;
  at::ScalarType type_;
};

}  // namespace

int64_t head_rows(const LlamaOptions& options, int64_t rows) {
  return std::min(rows, std::max<int64_t>(1, kLogitsMax / options.vocabulary));
}

StepShape step_shape(const StepMatrixMap& map, int64_t rows, int64_t time,
                     const StepOptions& options) {
  int64_t lanes = options.lanes;
  if (lanes == 0) {
    const int64_t by_memory =
        std::clamp<int64_t>(kLaneValues / map.gradient_values(), 2, kLanesMax);
    lanes = std::max<int64_t>(1, std::min({by_memory, rows * time / kLaneTokens, rows}));
    // A power of two, so that two, four or eight threads have equal parts.
    lanes = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(lanes)));
  }
  lanes = std::clamp<int64_t>(lanes, 1, rows);
  const int64_t slice = std::max<int64_t>(1, options.micro_tokens / time);
  return {rows, lanes, std::min(slice, (rows + lanes - 1) / lanes)};
}

int64_t llama_step_bytes(const LlamaOptions& sizes, const StepMatrixMap& map, int64_t rows,
                         int64_t time, const StepOptions& options, int64_t threads) {
  const StepShape shape = step_shape(map, rows, time, options);
  const int64_t side_by_side = std::min(threads, shape.lanes);
  const SliceBytes slice(sizes, shape.slice_rows, time, options.type);
  return map.weight_bytes(options.type) +
         shape.lanes * Workspace::bytes(map.gradient_values(), at::kFloat) +
         side_by_side * slice.peak(options.recompute) +
         2 * rows * time * static_cast<int64_t>(sizeof(int64_t));
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "model/attention.h"

#include <ATen/Parallel.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_backward.h>
#include <ATen/ops/full.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/triu.h>

#include <limits>
#include <optional>
#include <tuple>

#include "core/check.h"
#include "kernel/attention_kernel.h"
#include "model/element.h"
#include "tensor/workspace.h"

namespace causeway {
namespace {

/// Parts of [B, T, H, D].
at::Tensor queries(const HeadCounts& counts, const at::Tensor& heads_BTHD) {
  return heads_BTHD.narrow(2, 0, counts.heads);
}
at::Tensor keys(const HeadCounts& counts, const at::Tensor& heads_BTHD) {
  return heads_BTHD.narrow(2, counts.heads, counts.kv_heads);
}
at::Tensor values(const HeadCounts& counts, const at::Tensor& heads_BTHD) {
  return heads_BTHD.narrow(2, counts.heads + counts.kv_heads, counts.kv_heads);
}

/// [B, T, G, D] -> [B, N, T, D] with each head N/G times; a view if G = N.
at::Tensor by_head(const at::Tensor& x_BTGD, int64_t heads) {
  const int64_t batch = x_BTGD.size(0), time = x_BTGD.size(1), groups = x_BTGD.size(2);
  const int64_t width = x_BTGD.size(3);
  if (groups == heads) return x_BTGD.transpose(1, 2);
  return x_BTGD.unsqueeze(3)
      .expand({batch, time, groups, heads / groups, width})
      .reshape({batch, time, heads, width})
      .transpose(1, 2);
}

/// The reverse for gradients: sums over the query heads that share a key head.
at::Tensor by_group(const at::Tensor& x_BNTD, int64_t groups) {
  const at::Tensor x_BTND = x_BNTD.transpose(1, 2);
  const int64_t heads = x_BTND.size(2);
  if (groups == heads) return x_BTND;
  return x_BTND.reshape({x_BTND.size(0), x_BTND.size(1), groups, heads / groups, x_BTND.size(3)})
      .sum(3);
}

/// Our kernel's sizes for these heads, if it can do them.
std::optional<AttentionSizes> kernel_sizes(const HeadCounts& counts, const at::Tensor& heads_BTHD) {
  const AttentionSizes sizes{heads_BTHD.size(1), counts.heads, counts.kv_heads, heads_BTHD.size(3)};
  if (heads_BTHD.scalar_type() == at::kDouble || !attention_kernel_fits(sizes)) return {};
  return sizes;
}

/// Calls each(text, scratch) for every text, shared among threads.
template <class Each>
void each_text(int64_t batch, const AttentionSizes& sizes, const Each& each) {
  at::parallel_for(0, batch, 1, [&](int64_t begin, int64_t end) {
    Workspace& workspace = Workspace::of_this_thread();
    const Workspace::Scope scope(workspace);
    const auto bytes = static_cast<int64_t>(attention_scratch_bytes(sizes));
    const at::Tensor scratch = workspace.take({bytes}, at::kByte);
    const std::span<std::byte> span(static_cast<std::byte*>(scratch.data_ptr()),
                                    static_cast<size_t>(bytes));
    for (int64_t text = begin; text < end; ++text) each(text, span);
  });
}

}  // namespace

void attend(const HeadCounts& counts, const at::Tensor& heads_BTHD, const at::Tensor& out_BTND,
            const at::Tensor& log_sum_BNT) {
  CW_CHECK(heads_BTHD.is_contiguous() && out_BTND.is_contiguous() && log_sum_BNT.is_contiguous());
  const auto sizes = kernel_sizes(counts, heads_BTHD);
  if (!sizes) {
    const auto [out, log_sum] = at::_scaled_dot_product_flash_attention_for_cpu(
        queries(counts, heads_BTHD).transpose(1, 2),
        by_head(keys(counts, heads_BTHD), counts.heads),
        by_head(values(counts, heads_BTHD), counts.heads), 0.0, true);
    out_BTND.copy_(out.transpose(1, 2));
    log_sum_BNT.copy_(log_sum);
    return;
  }
  with_element(heads_BTHD.scalar_type(), [&]<class Element>(Element) {
    if constexpr (!std::is_same_v<Element, double>) {
      const Element* heads = values_of<Element>(heads_BTHD);
      Element* out = values_of<Element>(out_BTND);
      float* log_sum = values_of<float>(log_sum_BNT);
      each_text(heads_BTHD.size(0), *sizes, [=](int64_t text, std::span<std::byte> scratch) {
        attention_forward(*sizes, heads + text * heads_BTHD.stride(0),
                          out + text * out_BTND.stride(0), log_sum + text * log_sum_BNT.stride(0),
                          scratch);
      });
    }
  });
}

void attend_backward(const HeadCounts& counts, const at::Tensor& heads_BTHD,
                     const at::Tensor& out_BTND, const at::Tensor& log_sum_BNT,
                     const at::Tensor& dout_BTND, const at::Tensor& dheads_BTHD) {
  CW_CHECK(dheads_BTHD.is_contiguous() && dout_BTND.is_contiguous());
  const auto sizes = kernel_sizes(counts, heads_BTHD);
  if (!sizes) {
    const auto [dq, dk, dv] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
        dout_BTND.transpose(1, 2), queries(counts, heads_BTHD).transpose(1, 2),
        by_head(keys(counts, heads_BTHD), counts.heads),
        by_head(values(counts, heads_BTHD), counts.heads), out_BTND.transpose(1, 2), log_sum_BNT,
        0.0, true);
    queries(counts, dheads_BTHD).copy_(dq.transpose(1, 2));
    keys(counts, dheads_BTHD).copy_(by_group(dk, counts.kv_heads));
    values(counts, dheads_BTHD).copy_(by_group(dv, counts.kv_heads));
    return;
  }
  with_element(heads_BTHD.scalar_type(), [&]<class Element>(Element) {
    if constexpr (!std::is_same_v<Element, double>) {
      const Element* heads = values_of<Element>(heads_BTHD);
      const Element* out = values_of<Element>(out_BTND);
      const Element* dout = values_of<Element>(dout_BTND);
      const float* log_sum = values_of<float>(log_sum_BNT);
      Element* dheads = values_of<Element>(dheads_BTHD);
      each_text(heads_BTHD.size(0), *sizes, [=](int64_t text, std::span<std::byte> scratch) {
        const int64_t at = text * heads_BTHD.stride(0), out_at = text * out_BTND.stride(0);
        attention_backward(*sizes, heads + at, out + out_at, dout + out_at,
                           log_sum + text * log_sum_BNT.stride(0), dheads + at, scratch);
      });
    }
  });
}

at::Tensor attend_cached(const at::Tensor& q_BTND, const at::Tensor& k_BSGD,
                         const at::Tensor& v_BSGD) {
  const int64_t time = q_BTND.size(1), heads = q_BTND.size(2), seen = k_BSGD.size(1);
  CW_CHECK(seen >= time && heads % k_BSGD.size(2) == 0);
  std::optional<at::Tensor> mask;
  if (seen > time && time > 1)
    mask = at::full({time, seen}, -std::numeric_limits<double>::infinity(), q_BTND.options())
               .triu(seen - time + 1);
  const auto [out, log_sum] = at::_scaled_dot_product_flash_attention_for_cpu(
      q_BTND.transpose(1, 2), by_head(k_BSGD, heads), by_head(v_BSGD, heads), 0.0, seen == time,
      mask);
  return out.transpose(1, 2);
}

}  // namespace causeway

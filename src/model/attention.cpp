// SPDX-License-Identifier: Apache-2.0
#include "model/attention.h"

#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_backward.h>
#include <ATen/ops/full.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/triu.h>

#include <limits>
#include <optional>
#include <tuple>

#include "core/check.h"

namespace causeway {
namespace {

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

}  // namespace

Attended attend(const at::Tensor& q_BTND, const at::Tensor& k_BSGD, const at::Tensor& v_BSGD) {
  const int64_t time = q_BTND.size(1), heads = q_BTND.size(2), seen = k_BSGD.size(1);
  CW_CHECK(seen >= time && heads % k_BSGD.size(2) == 0);
  std::optional<at::Tensor> mask;
  if (seen > time && time > 1)
    mask = at::full({time, seen}, -std::numeric_limits<double>::infinity(), q_BTND.options())
               .triu(seen - time + 1);
  const auto [out, log_sum] = at::_scaled_dot_product_flash_attention_for_cpu(
      q_BTND.transpose(1, 2), by_head(k_BSGD, heads), by_head(v_BSGD, heads), 0.0, seen == time,
      mask);
  return {out.transpose(1, 2), log_sum};
}

AttentionGradient attend_backward(const at::Tensor& dout_BTND, const at::Tensor& q_BTND,
                                  const at::Tensor& k_BTGD, const at::Tensor& v_BTGD,
                                  const Attended& attended) {
  const int64_t heads = q_BTND.size(2), groups = k_BTGD.size(2);
  const auto [dq, dk, dv] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
      dout_BTND.transpose(1, 2), q_BTND.transpose(1, 2), by_head(k_BTGD, heads),
      by_head(v_BTGD, heads), attended.out_BTND.transpose(1, 2), attended.log_sum_BNT, 0.0, true);
  return {dq.transpose(1, 2), by_group(dk, groups), by_group(dv, groups)};
}

}  // namespace causeway

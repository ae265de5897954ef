// SPDX-License-Identifier: Apache-2.0
#include "model/block.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "core/check.h"
#include "model/column_sums.h"
#include "model/element.h"
#include "model/product.h"
#include "model/swiglu.h"

namespace causeway {
namespace {

constexpr int64_t kCacheMin = 256;  // positions of a cache's first room

/// Room for `wanted` positions, with the first `seen` of the old one.
at::Tensor grown(const at::Tensor& old_1SGD, int64_t seen, int64_t wanted,
                 const at::Tensor& like_1TGD) {
  at::Tensor room =
      at::empty({1, wanted, like_1TGD.size(2), like_1TGD.size(3)}, like_1TGD.options());
  if (seen > 0) room.narrow(1, 0, seen).copy_(old_1SGD.narrow(1, 0, seen));
  return room;
}

}  // namespace

void LayerCache::append(const at::Tensor& keys_1TGD, const at::Tensor& values_1TGD, int64_t start,
                        int64_t context) {
  const int64_t count = keys_1TGD.size(1), room = keys_.defined() ? keys_.size(1) : 0;
  if (start + count > room) {
    const int64_t wanted = std::min(context, std::max({start + count, 2 * room, kCacheMin}));
    keys_ = grown(keys_, start, wanted, keys_1TGD);
    values_ = grown(values_, start, wanted, values_1TGD);
  }
  keys_.narrow(1, start, count).copy_(keys_1TGD);
  values_.narrow(1, start, count).copy_(values_1TGD);
}

Normed normalised(const at::Tensor& h_MC, at::ScalarType type, double eps, Workspace& workspace) {
  const Normed out{workspace.take(h_MC.sizes(), type),
                   workspace.take({h_MC.size(0)}, wide_type(type))};
  normalise(h_MC, eps, out);
  return out;
}

at::Tensor AttentionBlock::turned(const at::Tensor& heads_BTHD) const {
  return heads_BTHD.narrow(2, 0, sizes_.heads + sizes_.kv_heads);
}

at::Tensor AttentionBlock::project(const BlockWeights& weights, const at::Tensor& y_MC,
                                   int64_t batch, int64_t start, HeadNormed& normed,
                                   Workspace& workspace) const {
  const int64_t heads = sizes_.heads + 2 * sizes_.kv_heads;
  at::Tensor projected_MO = workspace.take({y_MC.size(0), weights.qkv.outputs}, y_MC.scalar_type());
  product(y_MC, weights.qkv, projected_MO);
  if (weights.bias_O.defined()) projected_MO.add_(weights.bias_O);
  if (weights.head_gains_2D.defined())
    normed = head_norm(head_norm_sizes(), weights.head_gains_2D,
                       projected_MO.view({-1, heads, sizes_.head_width}), workspace);
  const at::Tensor heads_BTHD = projected_MO.view({batch, -1, heads, sizes_.head_width});
  rope_.turn(turned(heads_BTHD), start);
  return heads_BTHD;
}

AttentionBlock::Saved AttentionBlock::forward(const BlockWeights& weights, at::ScalarType type,
                                              int64_t batch, const at::Tensor& h_MC,
                                              Workspace& workspace) const {
  Saved saved;
  saved.input = normalised(h_MC, type, sizes_.norm_eps, workspace);
  saved.heads_BTHD = project(weights, saved.input.y_MC, batch, 0, saved.head_norm, workspace);
  const int64_t time = saved.heads_BTHD.size(1);
  saved.out_BTND = workspace.take({batch, time, sizes_.heads, sizes_.head_width}, type);
  saved.log_sum_BNT = workspace.take({batch, sizes_.heads, time}, wide_type(type));
  attend(counts(), saved.heads_BTHD, saved.out_BTND, saved.log_sum_BNT);
  add_product(saved.out_BTND.view({batch * time, -1}), weights.output, h_MC);
  return saved;
}

void AttentionBlock::forward_cached(const BlockWeights& weights, int64_t start,
                                    const at::Tensor& h_MC, LayerCache& cache,
                                    Workspace& workspace) const {
  const Workspace::Scope scope(workspace);
  const Normed input = normalised(h_MC, h_MC.scalar_type(), sizes_.norm_eps, workspace);
  HeadNormed unused;
  const at::Tensor heads = project(weights, input.y_MC, 1, start, unused, workspace);
  const int64_t rows = h_MC.size(0), seen = start + rows, groups = sizes_.kv_heads;
  cache.append(heads.narrow(2, sizes_.heads, groups),
               heads.narrow(2, sizes_.heads + groups, groups), start, sizes_.context);
  const at::Tensor out_1TND =
      attend_cached(heads.narrow(2, 0, sizes_.heads), cache.keys(seen), cache.values(seen));
  add_product(out_1TND.reshape({rows, -1}).contiguous(), weights.output, h_MC);
}

void AttentionBlock::backward(const BlockWeights& weights, const Saved& saved,
                              const ResidualGradient& dh, bool add, const BlockGradients& gradients,
                              Workspace& workspace) const {
  const Workspace::Scope scope(workspace);
  const int64_t rows = dh.wide_MC.size(0);
  const at::ScalarType type = saved.heads_BTHD.scalar_type();
  add_outer_product(dh.narrow_MC, saved.out_BTND.view({rows, -1}), add, gradients.output_CK);
  const at::Tensor dout_BTND = workspace.take(saved.out_BTND.sizes(), type);
  product_backward(dh.narrow_MC, weights.output, dout_BTND.view({rows, -1}));
  const at::Tensor dheads_BTHD = workspace.take(saved.heads_BTHD.sizes(), type);
  attend_backward(counts(), saved.heads_BTHD, saved.out_BTND, saved.log_sum_BNT, dout_BTND,
                  dheads_BTHD);
  rope_.turn_back(turned(dheads_BTHD));
  if (weights.head_gains_2D.defined())
    head_norm_backward(head_norm_sizes(), weights.head_gains_2D, saved.head_norm,
                       dheads_BTHD.view({rows, -1, sizes_.head_width}), gradients.head_gains_2D,
                       add, workspace);
  const at::Tensor dprojected_MO = dheads_BTHD.view({rows, -1});
  if (weights.bias_O.defined()) column_sums(dprojected_MO, gradients.bias_O, add);
  add_outer_product(saved.input.y_MC, dprojected_MO, add, gradients.qkv_CO);
  const at::Tensor dy_MC = workspace.take(saved.input.y_MC.sizes(), type);
  product_backward(dprojected_MO, weights.qkv, dy_MC);
  normalise_backward(saved.input, dy_MC, dh.wide_MC, dh.narrow_MC);
}

MlpBlock::Saved MlpBlock::forward(const BlockWeights& weights, at::ScalarType type,
                                  const at::Tensor& h_MC, Workspace& workspace) const {
  const int64_t rows = h_MC.size(0);
  Saved saved;
  saved.input = normalised(h_MC, type, sizes_.norm_eps, workspace);
  saved.gate_up_M2I = workspace.take({rows, 2 * sizes_.inner}, type);
  product(saved.input.y_MC, weights.gate_up, saved.gate_up_M2I);
  const Workspace::Scope scope(workspace);
  const at::Tensor out_MI = workspace.take({rows, sizes_.inner}, type);
  swiglu(saved.gate_up_M2I, out_MI);
  add_product(out_MI, weights.down, h_MC);
  return saved;
}

void MlpBlock::backward(const BlockWeights& weights, const Saved& saved, const ResidualGradient& dh,
                        bool add, const BlockGradients& gradients, Workspace& workspace) const {
  const Workspace::Scope scope(workspace);
  const at::ScalarType type = saved.gate_up_M2I.scalar_type();
  const at::Tensor out_MI = workspace.take({dh.wide_MC.size(0), sizes_.inner}, type);
  product_backward(dh.narrow_MC, weights.down, out_MI);
  swiglu_backward(saved.gate_up_M2I, out_MI);
  add_outer_product(dh.narrow_MC, out_MI, add, gradients.down_CI);
  add_outer_product(saved.input.y_MC, saved.gate_up_M2I, add, gradients.gate_up_C2I);
  const at::Tensor dy_MC = workspace.take(saved.input.y_MC.sizes(), type);
  product_backward(saved.gate_up_M2I, weights.gate_up, dy_MC);
  normalise_backward(saved.input, dy_MC, dh.wide_MC, dh.narrow_MC);
}

}  // namespace causeway

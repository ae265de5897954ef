// SPDX-License-Identifier: Apache-2.0
#include "model/block.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>

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

/// The product that a half of a block adds to the residual stream.
void set_added(const at::Tensor& y_MI, const at::Tensor& w_CI, Residual& residual) {
  at::mm_out(residual.added_MC, y_MI, w_CI.t());
  residual.waits = true;
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

Normed next_norm(Residual& residual, double eps, Workspace& workspace) {
  const at::ScalarType type = residual.added_MC.scalar_type();
  Normed normed{workspace.take(residual.h_MC.sizes(), type),
                workspace.take({residual.h_MC.size(0)}, wide_type(type))};
  add_and_normalise(residual.h_MC, residual.waits ? residual.added_MC : at::Tensor(), eps, normed);
  residual.waits = false;
  return normed;
}

at::Tensor AttentionBlock::turned(const at::Tensor& heads_BTHD) const {
  return heads_BTHD.narrow(2, 0, sizes_.heads + sizes_.kv_heads);
}

at::Tensor AttentionBlock::project(const BlockMatrices& weights, const at::Tensor& y_MC,
                                   int64_t batch, int64_t start, HeadNormed& normed,
                                   Workspace& workspace) const {
  const int64_t heads = sizes_.heads + 2 * sizes_.kv_heads;
  at::Tensor projected_MO = product(y_MC, weights.qkv_OC, workspace);
  if (weights.bias_O.defined()) projected_MO.add_(weights.bias_O);
  if (weights.head_gains_2D.defined())
    normed = head_norm(head_norm_sizes(), weights.head_gains_2D,
                       projected_MO.view({-1, heads, sizes_.head_width}), workspace);
  const at::Tensor heads_BTHD = projected_MO.view({batch, -1, heads, sizes_.head_width});
  rope_.turn(turned(heads_BTHD), start);
  return heads_BTHD;
}

AttentionBlock::Saved AttentionBlock::forward(const BlockMatrices& weights, int64_t batch,
                                              Residual& residual, Workspace& workspace) const {
  Saved saved;
  saved.input = next_norm(residual, sizes_.norm_eps, workspace);
  const at::ScalarType type = saved.input.y_MC.scalar_type();
  saved.heads_BTHD = project(weights, saved.input.y_MC, batch, 0, saved.head_norm, workspace);
  const int64_t time = saved.heads_BTHD.size(1);
  saved.out_BTND = workspace.take({batch, time, sizes_.heads, sizes_.head_width}, type);
  saved.log_sum_BNT = workspace.take({batch, sizes_.heads, time}, wide_type(type));
  attend(counts(), saved.heads_BTHD, saved.out_BTND, saved.log_sum_BNT);
  set_added(saved.out_BTND.view({batch * time, -1}), weights.output_CK, residual);
  return saved;
}

void AttentionBlock::forward_cached(const BlockMatrices& weights, int64_t start, Residual& residual,
                                    LayerCache& cache, Workspace& workspace) const {
  const Workspace::Scope scope(workspace);
  const Normed input = next_norm(residual, sizes_.norm_eps, workspace);
  HeadNormed unused;
  const at::Tensor heads = project(weights, input.y_MC, 1, start, unused, workspace);
  const int64_t rows = residual.h_MC.size(0), seen = start + rows, groups = sizes_.kv_heads;
  cache.append(heads.narrow(2, sizes_.heads, groups),
               heads.narrow(2, sizes_.heads + groups, groups), start, sizes_.context);
  const at::Tensor out_1TND =
      attend_cached(heads.narrow(2, 0, sizes_.heads), cache.keys(seen), cache.values(seen));
  set_added(out_1TND.reshape({rows, -1}), weights.output_CK, residual);
}

void AttentionBlock::backward(const BlockMatrices& weights, const Saved& saved,
                              const ResidualGradient& dh, bool add, const BlockMatrices& gradients,
                              Workspace& workspace) const {
  const Workspace::Scope scope(workspace);
  const int64_t rows = dh.wide_MC.size(0);
  const at::Tensor &dy_MC = dh.narrow_MC, out_MK = saved.out_BTND.view({rows, -1});
  weight_gradient(dy_MC, out_MK, add, gradients.output_CK, workspace);
  const at::Tensor dout_MK = product_backward(dy_MC, weights.output_CK, workspace);
  const at::Tensor dheads_BTHD =
      workspace.take(saved.heads_BTHD.sizes(), saved.heads_BTHD.scalar_type());
  attend_backward(counts(), saved.heads_BTHD, saved.out_BTND, saved.log_sum_BNT,
                  dout_MK.view_as(saved.out_BTND), dheads_BTHD);
  rope_.turn_back(turned(dheads_BTHD));
  if (weights.head_gains_2D.defined())
    head_norm_backward(head_norm_sizes(), weights.head_gains_2D, saved.head_norm,
                       dheads_BTHD.view({rows, -1, sizes_.head_width}), gradients.head_gains_2D,
                       add, workspace);
  const at::Tensor dprojected_MO = dheads_BTHD.view({rows, -1});
  if (weights.bias_O.defined()) column_sums(dprojected_MO, gradients.bias_O, add);
  weight_gradient(dprojected_MO, saved.input.y_MC, add, gradients.qkv_OC, workspace);
  normalise_backward(saved.input, product_backward(dprojected_MO, weights.qkv_OC, workspace),
                     dh.wide_MC, dh.narrow_MC);
}

MlpBlock::Saved MlpBlock::forward(const BlockMatrices& weights, Residual& residual,
                                  Workspace& workspace) const {
  Saved saved;
  saved.input = next_norm(residual, sizes_.norm_eps, workspace);
  saved.gate_up_M2I = product(saved.input.y_MC, weights.gate_up_2IC, workspace);
  const Workspace::Scope scope(workspace);
  const at::Tensor out_MI =
      workspace.take({residual.h_MC.size(0), sizes_.inner}, saved.gate_up_M2I.scalar_type());
  swiglu(saved.gate_up_M2I, out_MI);
  set_added(out_MI, weights.down_CI, residual);
  return saved;
}

void MlpBlock::backward(const BlockMatrices& weights, const Saved& saved,
                        const ResidualGradient& dh, bool add, const BlockMatrices& gradients,
                        Workspace& workspace) const {
  const Workspace::Scope scope(workspace);
  const at::Tensor out_MI = product_backward(dh.narrow_MC, weights.down_CI, workspace);
  swiglu_backward(saved.gate_up_M2I, out_MI);
  weight_gradient(dh.narrow_MC, out_MI, add, gradients.down_CI, workspace);
  weight_gradient(saved.gate_up_M2I, saved.input.y_MC, add, gradients.gate_up_2IC, workspace);
  normalise_backward(saved.input,
                     product_backward(saved.gate_up_M2I, weights.gate_up_2IC, workspace),
                     dh.wide_MC, dh.narrow_MC);
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include "model/block.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>

#include <algorithm>
#include <vector>

#include "core/check.h"

namespace causeway {
namespace {

constexpr int64_t kCacheMin = 256;  // positions of a cache's first room

std::vector<size_t> find_biases(const Layout& layout, const std::string& prefix) {
  if (layout.find(prefix + "self_attn.q_proj.bias") == nullptr) return {};
  return {tensor_index(layout, prefix + "self_attn.q_proj.bias"),
          tensor_index(layout, prefix + "self_attn.k_proj.bias"),
          tensor_index(layout, prefix + "self_attn.v_proj.bias")};
}

std::optional<HeadNorm> find_head_norm(const Layout& layout, const std::string& prefix,
                                       const BlockSizes& sizes) {
  if (layout.find(prefix + "self_attn.q_norm.weight") == nullptr) return {};
  return HeadNorm(tensor_index(layout, prefix + "self_attn.q_norm.weight"),
                  tensor_index(layout, prefix + "self_attn.k_norm.weight"),
                  {sizes.heads, sizes.kv_heads, sizes.norm_eps});
}

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

size_t tensor_index(const Layout& layout, std::string_view name) {
  const Tensor* found = layout.find(name);
  CW_CHECK(found != nullptr, "no tensor {}", name);
  return static_cast<size_t>(found - layout.tensors().data());
}

AttentionBlock::AttentionBlock(const Layout& layout, const std::string& prefix,
                               const BlockSizes& sizes, const Rope& rope)
    : sizes_(sizes),
      rope_(rope),
      input_(layout, tensor_index(layout, prefix + "input_layernorm.weight"),
             {tensor_index(layout, prefix + "self_attn.q_proj.weight"),
              tensor_index(layout, prefix + "self_attn.k_proj.weight"),
              tensor_index(layout, prefix + "self_attn.v_proj.weight")}),
      biases_(find_biases(layout, prefix)),
      head_norm_(find_head_norm(layout, prefix, sizes)),
      output_(tensor_index(layout, prefix + "self_attn.o_proj.weight")) {}

at::Tensor AttentionBlock::queries(const at::Tensor& heads_BTHD) const {
  return heads_BTHD.narrow(2, 0, sizes_.heads);
}

at::Tensor AttentionBlock::keys(const at::Tensor& heads_BTHD) const {
  return heads_BTHD.narrow(2, sizes_.heads, sizes_.kv_heads);
}

at::Tensor AttentionBlock::values(const at::Tensor& heads_BTHD) const {
  return heads_BTHD.narrow(2, sizes_.heads + sizes_.kv_heads, sizes_.kv_heads);
}

at::Tensor AttentionBlock::turned(const at::Tensor& heads_BTHD) const {
  return heads_BTHD.narrow(2, 0, sizes_.heads + sizes_.kv_heads);
}

at::Tensor AttentionBlock::project(const Arena& x, const at::Tensor& y_MC, int64_t batch,
                                   int64_t start, HeadNormed& head_norm) const {
  const int64_t heads = sizes_.heads + 2 * sizes_.kv_heads;
  at::Tensor projected_MO = at::mm(y_MC, input_.fold(x).t());
  biases_.add(x, projected_MO);
  if (head_norm_)
    head_norm = head_norm_->forward(x, projected_MO.view({-1, heads, sizes_.head_width}));
  const at::Tensor heads_BTHD = projected_MO.view({batch, -1, heads, sizes_.head_width});
  at::Tensor both = turned(heads_BTHD);
  rope_.turn(both, both, start);
  return heads_BTHD;
}

void AttentionBlock::add_output(const Arena& x, const Attended& attended, at::Tensor& h_MC) const {
  h_MC.addmm_(attended.out_BTND.view({h_MC.size(0), -1}), x[output_].t());
}

AttentionBlock::Saved AttentionBlock::forward(const Arena& x, at::Tensor& h_MC,
                                              int64_t batch) const {
  Saved saved;
  saved.input = normalise(h_MC, sizes_.norm_eps);
  saved.heads_BTHD = project(x, saved.input.y_MC, batch, 0, saved.head_norm);
  saved.attended =
      attend(queries(saved.heads_BTHD), keys(saved.heads_BTHD), values(saved.heads_BTHD));
  add_output(x, saved.attended, h_MC);
  return saved;
}

void AttentionBlock::forward_cached(const Arena& x, at::Tensor& h_MC, int64_t start,
                                    LayerCache& cache) const {
  const Normed input = normalise(h_MC, sizes_.norm_eps);
  HeadNormed unused;
  const at::Tensor heads_BTHD = project(x, input.y_MC, 1, start, unused);
  const int64_t seen = start + h_MC.size(0);
  cache.append(keys(heads_BTHD), values(heads_BTHD), start, sizes_.context);
  add_output(x, attend(queries(heads_BTHD), cache.keys(seen), cache.values(seen)), h_MC);
}

void AttentionBlock::backward(const Arena& x, const Saved& saved, at::Tensor& dh_MC,
                              Arena& g) const {
  const at::Tensor& heads_BTHD = saved.heads_BTHD;
  const int64_t rows = dh_MC.size(0);
  at::Tensor doutput = g[output_];
  at::mm_out(doutput, dh_MC.t(), saved.attended.out_BTND.view({rows, -1}));

  const at::Tensor dattended = at::mm(dh_MC, x[output_]).view_as(saved.attended.out_BTND);
  const AttentionGradient d = attend_backward(dattended, queries(heads_BTHD), keys(heads_BTHD),
                                              values(heads_BTHD), saved.attended);
  const at::Tensor dheads_BTHD = at::empty_like(heads_BTHD);
  at::Tensor dqueries = queries(dheads_BTHD), dkeys = keys(dheads_BTHD);
  rope_.turn_back(d.q_BTND, dqueries);
  rope_.turn_back(d.k_BTGD, dkeys);
  values(dheads_BTHD).copy_(d.v_BTGD);
  if (head_norm_)
    head_norm_->backward(x, saved.head_norm, dheads_BTHD.view({rows, -1, sizes_.head_width}), g);

  const at::Tensor dprojected = dheads_BTHD.view({rows, -1});
  biases_.backward(dprojected, g);
  at::Tensor dfolded = at::mm(dprojected.t(), saved.input.y_MC);
  normalise_backward(saved.input, at::mm(dprojected, input_.fold(x)), dh_MC);
  input_.backward(x, dfolded, g);
}

MlpBlock::MlpBlock(const Layout& layout, const std::string& prefix, const BlockSizes& sizes)
    : sizes_(sizes),
      input_(layout, tensor_index(layout, prefix + "post_attention_layernorm.weight"),
             {tensor_index(layout, prefix + "mlp.gate_proj.weight"),
              tensor_index(layout, prefix + "mlp.up_proj.weight")}),
      output_(tensor_index(layout, prefix + "mlp.down_proj.weight")) {}

MlpBlock::Saved MlpBlock::forward(const Arena& x, at::Tensor& h_MC) const {
  Saved saved;
  saved.input = normalise(h_MC, sizes_.norm_eps);
  saved.gate_up_M2I = at::mm(saved.input.y_MC, input_.fold(x).t());
  saved.gated = swiglu(saved.gate_up_M2I);
  h_MC.addmm_(saved.gated.out_MI, x[output_].t());
  return saved;
}

void MlpBlock::backward(const Arena& x, const Saved& saved, at::Tensor& dh_MC, Arena& g) const {
  at::Tensor doutput = g[output_];
  at::mm_out(doutput, dh_MC.t(), saved.gated.out_MI);
  at::Tensor dgated = at::mm(dh_MC, x[output_]);
  const at::Tensor dgate_up_M2I = swiglu_backward(saved.gate_up_M2I, saved.gated, dgated);
  at::Tensor dfolded = at::mm(dgate_up_M2I.t(), saved.input.y_MC);
  normalise_backward(saved.input, at::mm(dgate_up_M2I, input_.fold(x)), dh_MC);
  input_.backward(x, dfolded, g);
}

}  // namespace causeway

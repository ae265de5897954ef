// SPDX-License-Identifier: Apache-2.0
#include "model/step_matrices.h"

#include <algorithm>
#include <string>

#include "core/check.h"
#include "model/element.h"
#include "model/rows.h"

namespace causeway {
namespace {

constexpr int64_t kUnfoldStrip = 64;  // columns of a matrix that are unfolded together
constexpr int64_t kPart = 8192;       // values of a sum of lanes that are done together

/// A block of the gradient of one matrix W [O, C], transposed from what the lanes have, [C, O_all]:
/// writes it, times the gain, and adds to the gradient of the gain.
template <class W>
struct Unfold {
  std::span<const W* const> lanes;  ///< where this matrix begins
  int64_t stride;                   ///< O_all
  int64_t channels;
  const W *weights, *gain;
  W* gradient;

  void block(int64_t row, int64_t rows, int64_t column, int64_t columns, W* dgain) const {
    W sums[kUnfoldStrip * kUnfoldStrip];  // by column, then row
    for (int64_t c = 0; c < columns; ++c) {
      W* __restrict sum = sums + c * kUnfoldStrip;
      const int64_t at = (column + c) * stride + row;
      for (int64_t o = 0; o < rows; ++o) sum[o] = lanes[0][at + o];
      for (const W* lane : lanes.subspan(1))
        for (int64_t o = 0; o < rows; ++o) sum[o] += lane[at + o];
    }
    for (int64_t o = 0; o < rows; ++o) {
      const int64_t at = (row + o) * channels + column;
      for (int64_t c = 0; c < columns; ++c) {
        const W sum = sums[c * kUnfoldStrip + o];
        gradient[at + c] = sum * gain[column + c];
        dgain[c] += sum * weights[at + c];
      }
    }
  }
};

/// target = the sum of the lanes, or target += it.
template <class W>
void add_lanes(std::span<const W* const> lanes, int64_t count, bool add, W* target) {
  each_row((count + kPart - 1) / kPart, kPart, [=](int64_t part) {
    const int64_t end = std::min(count, (part + 1) * kPart);
    for (int64_t i = part * kPart; i < end; ++i) {
      W sum = lanes[0][i];
      for (size_t lane = 1; lane < lanes.size(); ++lane) sum += lanes[lane][i];
      target[i] = add ? target[i] + sum : sum;
    }
  });
}

template <class W>
std::vector<const W*> pointers(const std::vector<at::Tensor>& tensors) {
  std::vector<const W*> out;
  for (const at::Tensor& tensor : tensors) out.push_back(values_of<W>(tensor));
  return out;
}

void add_lanes(const std::vector<at::Tensor>& lanes, bool add, const at::Tensor& target) {
  with_wide(target.scalar_type(), [&]<class W>(W) {
    const auto sources = pointers<W>(lanes);
    add_lanes<W>(sources, target.numel(), add, values_of<W>(target));
  });
}

}  // namespace

size_t tensor_index(const Layout& layout, std::string_view name) {
  const Tensor* found = layout.find(name);
  CW_CHECK(found != nullptr, "no tensor {}", name);
  return static_cast<size_t>(found - layout.tensors().data());
}

StepMatrixMap::Gained StepMatrixMap::gained(const Layout& layout, const std::string& gain,
                                            const std::vector<std::string>& matrices) const {
  Gained out{tensor_index(layout, gain), {}, 0};
  for (const std::string& name : matrices) {
    out.matrices.push_back(tensor_index(layout, name));
    out.outputs += layout.tensors()[out.matrices.back()].shape[0];
  }
  return out;
}

StepMatrixMap::StepMatrixMap(const LlamaOptions& options, const Layout& layout)
    : channels_(options.width),
      output_inputs_(options.heads * options.head_width),
      inner_(options.inner),
      head_width_(options.head_width),
      vocabulary_(options.vocabulary),
      tied_(options.tied),
      embedding_(tensor_index(layout, kEmbeddingName)),
      head_(gained(layout, "model.norm.weight", {std::string(kHeadName)})) {
  for (int64_t layer = 0; layer < options.layers; ++layer) {
    const std::string p = layer_prefix(layer), attention = p + "self_attn.", mlp = p + "mlp.";
    Block block{gained(layout, p + "input_layernorm.weight",
                       {attention + "q_proj.weight", attention + "k_proj.weight",
                        attention + "v_proj.weight"}),
                gained(layout, p + "post_attention_layernorm.weight",
                       {mlp + "gate_proj.weight", mlp + "up_proj.weight"}),
                tensor_index(layout, attention + "o_proj.weight"),
                tensor_index(layout, mlp + "down_proj.weight"),
                {},
                {}};
    if (options.has_biases())
      for (const char* name : {"q_proj.bias", "k_proj.bias", "v_proj.bias"})
        block.biases.push_back(tensor_index(layout, attention + name));
    if (options.has_head_norm())
      for (const char* name : {"q_norm.weight", "k_norm.weight"})
        block.head_gains.push_back(tensor_index(layout, attention + name));
    blocks_.push_back(std::move(block));
  }
}

WeightMatrix StepMatrixMap::pack(const Gained& gained, const Arena& x, at::ScalarType type,
                                 Workspace& workspace) const {
  std::vector<at::Tensor> parts;
  for (const size_t matrix : gained.matrices) parts.push_back(x[matrix]);
  return pack_weights(parts, x[gained.gain], type, workspace);
}

StepWeights StepMatrixMap::weights(const Arena& x, at::ScalarType type,
                                   Workspace& workspace) const {
  const auto plain = [&](size_t index) {
    return pack_weights(std::span(&x[index], 1), {}, type, workspace);
  };
  const auto joined = [&](const std::vector<size_t>& parts) {
    if (parts.empty()) return at::Tensor();
    int64_t count = 0;
    for (const size_t part : parts) count += x[part].numel();
    at::Tensor out = workspace.take({count}, x.flat().scalar_type());
    count = 0;
    for (const size_t part : parts) {
      out.narrow(0, count, x[part].numel()).copy_(x[part]);
      count += x[part].numel();
    }
    return out;
  };
  StepWeights out;
  out.embedding_VC = x[embedding_];
  out.head = pack(head_, x, type, workspace);
  for (const Block& block : blocks_) {
    const at::Tensor head_gains = joined(block.head_gains);
    out.blocks.push_back({pack(block.qkv, x, type, workspace), plain(block.output),
                          pack(block.gate_up, x, type, workspace), plain(block.down),
                          joined(block.biases),
                          head_gains.defined() ? head_gains.view({2, head_width_}) : head_gains});
  }
  return out;
}

int64_t StepMatrixMap::weight_bytes(at::ScalarType type) const {
  const auto wide = [](int64_t count) { return Workspace::bytes(count, at::kFloat); };
  int64_t bytes = packed_bytes(head_.outputs, channels_, true, type);
  for (const Block& block : blocks_) {
    bytes += packed_bytes(block.qkv.outputs, channels_, true, type) +
             packed_bytes(block.gate_up.outputs, channels_, true, type) +
             packed_bytes(channels_, output_inputs_, false, type) +
             packed_bytes(channels_, inner_, false, type);
    if (!block.biases.empty()) bytes += wide(block.qkv.outputs);
    if (!block.head_gains.empty()) bytes += wide(2 * head_width_);
  }
  return bytes;
}

int64_t StepMatrixMap::gradient_values() const {
  int64_t values = (vocabulary_ + head_.outputs) * channels_;
  for (const Block& block : blocks_) {
    values += (block.qkv.outputs + block.gate_up.outputs + output_inputs_ + inner_) * channels_;
    if (!block.biases.empty()) values += block.qkv.outputs;
    if (!block.head_gains.empty()) values += 2 * head_width_;
  }
  return values;
}

StepGradients StepMatrixMap::gradients(const at::Tensor& flat) const {
  int64_t used = 0;
  const auto take = [&](std::initializer_list<int64_t> sizes) {
    int64_t count = 1;
    for (const int64_t size : sizes) count *= size;
    used += count;
    return flat.narrow(0, used - count, count).view(sizes);
  };
  StepGradients out;
  out.embedding_VC = take({vocabulary_, channels_});
  out.head_CV = take({channels_, head_.outputs});
  for (const Block& block : blocks_) {
    BlockGradients& matrices = out.blocks.emplace_back();
    matrices.qkv_CO = take({channels_, block.qkv.outputs});
    matrices.output_CK = take({channels_, output_inputs_});
    matrices.gate_up_C2I = take({channels_, block.gate_up.outputs});
    matrices.down_CI = take({channels_, inner_});
    if (!block.biases.empty()) matrices.bias_O = take({block.qkv.outputs});
    if (!block.head_gains.empty()) matrices.head_gains_2D = take({2, head_width_});
  }
  return out;
}

void StepMatrixMap::unfold(const Gained& gained, const Arena& x,
                           const std::vector<at::Tensor>& lanes, Arena& g) const {
  const int64_t channels = channels_, strips = (channels + kUnfoldStrip - 1) / kUnfoldStrip;
  with_wide(g.flat().scalar_type(), [&]<class W>(W) {
    const W* gain = values_of<W>(x[gained.gain]);
    W* all_dgain = values_of<W>(g[gained.gain]);
    const auto starts = pointers<W>(lanes);
    each_row(strips, gained.outputs * kUnfoldStrip, [&](int64_t strip) {
      const int64_t begin = strip * kUnfoldStrip, width = std::min(kUnfoldStrip, channels - begin);
      W dgain[kUnfoldStrip] = {};
      std::vector<const W*> sources = starts;
      for (const size_t matrix : gained.matrices) {
        const int64_t rows = x[matrix].size(0);
        const Unfold<W> unfold{sources, gained.outputs,         channels, values_of<W>(x[matrix]),
                               gain,    values_of<W>(g[matrix])};
        for (int64_t row = 0; row < rows; row += kUnfoldStrip)
          unfold.block(row, std::min(kUnfoldStrip, rows - row), begin, width, dgain);
        for (const W*& source : sources) source += rows;
      }
      std::copy_n(dgain, width, all_dgain + begin);
    });
  });
}

void StepMatrixMap::split(const std::vector<size_t>& tensors, const std::vector<at::Tensor>& lanes,
                          Arena& g) const {
  int64_t begin = 0;
  for (const size_t tensor : tensors) {
    const int64_t count = g[tensor].numel();
    std::vector<at::Tensor> parts;
    for (const at::Tensor& lane : lanes) parts.push_back(lane.view({-1}).narrow(0, begin, count));
    add_lanes(parts, false, g[tensor]);
    begin += count;
  }
}

void StepMatrixMap::collect(const Arena& x, std::span<const StepGradients> lanes, Arena& g) const {
  const auto of_block = [&](size_t block, at::Tensor BlockGradients::* member) {
    std::vector<at::Tensor> out;
    for (const StepGradients& lane : lanes) out.push_back(lane.blocks[block].*member);
    return out;
  };
  const auto whole = [&](at::Tensor StepGradients::* member) {
    std::vector<at::Tensor> out;
    for (const StepGradients& lane : lanes) out.push_back(lane.*member);
    return out;
  };
  for (size_t i = 0; i < blocks_.size(); ++i) {
    const Block& block = blocks_[i];
    unfold(block.qkv, x, of_block(i, &BlockGradients::qkv_CO), g);
    unfold(block.gate_up, x, of_block(i, &BlockGradients::gate_up_C2I), g);
    add_lanes(of_block(i, &BlockGradients::output_CK), false, g[block.output]);
    add_lanes(of_block(i, &BlockGradients::down_CI), false, g[block.down]);
    if (!block.biases.empty()) split(block.biases, of_block(i, &BlockGradients::bias_O), g);
    if (!block.head_gains.empty())
      split(block.head_gains, of_block(i, &BlockGradients::head_gains_2D), g);
  }
  unfold(head_, x, whole(&StepGradients::head_CV), g);
  add_lanes(whole(&StepGradients::embedding_VC), tied_, g[embedding_]);
}

}  // namespace causeway

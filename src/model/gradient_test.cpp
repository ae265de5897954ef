// SPDX-License-Identifier: Apache-2.0
//
// B batch, T time, C channels, N query heads, G key/value heads, D head width, V vocabulary.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <limits>

#include "model/autograd.h"
#include "model/oracle.h"

namespace causeway {
namespace {

struct GradientSizes {
  std::string name;
  int64_t layers, width, heads, kv_heads, head_width, inner, vocabulary, batch, time;
  bool tied;
  std::string architecture = "llama";
  double rope_factor = 0;
};

/// The model as its papers have it, one matrix and one operation at a time; it shares nothing with
/// the code under test but the names of the parameters.
class Reference {
 public:
  Reference(const GradientSizes& sizes, const Layout& layout,
            const std::vector<at::Tensor>& parameters)
      : sizes_(sizes) {
    for (size_t i = 0; i < parameters.size(); ++i)
      parameters_[layout.tensors()[i].name] = parameters[i];
  }

  at::Tensor loss(const at::Tensor& tokens) const {
    at::Tensor h_BTC = torch::embedding(get("model.embed_tokens"), tokens.slice(1, 0, sizes_.time));
    for (int64_t layer = 0; layer < sizes_.layers; ++layer) {
      const std::string p = "model.layers." + std::to_string(layer) + ".";
      h_BTC = h_BTC + attention(norm(h_BTC, p + "input_layernorm"), p + "self_attn.");
      const at::Tensor y_BTC = norm(h_BTC, p + "post_attention_layernorm");
      const at::Tensor gate = times(y_BTC, p + "mlp.gate_proj");
      const at::Tensor active = gate / (1 + torch::exp(-gate)) * times(y_BTC, p + "mlp.up_proj");
      h_BTC = h_BTC + times(active, p + "mlp.down_proj");
    }
    const at::Tensor logits_BTV = times(norm(h_BTC, "model.norm"), "lm_head");
    const at::Tensor targets = tokens.slice(1, 1, sizes_.time + 1).unsqueeze(2);
    const at::Tensor chosen = logits_BTV.gather(2, targets).squeeze(2);
    return (torch::logsumexp(logits_BTV, 2) - chosen).mean();
  }

 private:
  const at::Tensor& get(const std::string& name) const { return parameters_.at(name + ".weight"); }
  at::Tensor times(const at::Tensor& y, const std::string& name) const {
    return torch::matmul(y, get(name).t());
  }
  at::Tensor norm(const at::Tensor& h, const std::string& name) const {
    return h / torch::sqrt(h.pow(2).mean(-1, true) + 1e-3) * get(name);
  }
  /// theta = 100, scaled for texts longer than 40 tokens: waves longer than 40 in full, those
  /// shorter than 10 not at all.
  at::Tensor frequencies() const {
    const int64_t half = sizes_.head_width / 2;
    const at::Tensor plain =
        torch::pow(100.0, -torch::arange(half, torch::kDouble) / static_cast<double>(half));
    if (sizes_.rope_factor == 0) return plain;
    const at::Tensor turns = 40 * plain / (2 * M_PI);  // within the old context
    const at::Tensor share = ((turns - 1) / (4 - 1)).clamp(0, 1);
    return share * plain + (1 - share) * plain / sizes_.rope_factor;
  }
  /// Channels i and i + D/2 as one complex number, times e^(i angle).
  at::Tensor turn(const at::Tensor& head_BTD) const {
    const int64_t half = sizes_.head_width / 2;
    const at::Tensor angle =
        torch::outer(torch::arange(sizes_.time, torch::kDouble), frequencies());
    const at::Tensor turned =
        torch::complex(head_BTD.slice(-1, 0, half), head_BTD.slice(-1, half)) *
        torch::polar(torch::ones_like(angle), angle);
    return torch::cat({torch::real(turned), torch::imag(turned)}, -1);
  }
  at::Tensor projected(const at::Tensor& y, const std::string& name) const {
    const auto bias = parameters_.find(name + ".bias");
    return bias == parameters_.end() ? times(y, name) : times(y, name) + bias->second;
  }
  at::Tensor head_normed(const at::Tensor& head_BTD, const std::string& name) const {
    return parameters_.contains(name + ".weight") ? norm(head_BTD, name) : head_BTD;
  }
  at::Tensor attention(const at::Tensor& y_BTC, const std::string& p) const {
    const int64_t width = sizes_.head_width;
    const at::Tensor q = projected(y_BTC, p + "q_proj"), k = projected(y_BTC, p + "k_proj");
    const at::Tensor v = projected(y_BTC, p + "v_proj");
    const at::Tensor later = torch::ones({sizes_.time, sizes_.time}, torch::kBool).triu(1);
    std::vector<at::Tensor> outputs;
    for (int64_t head = 0; head < sizes_.heads; ++head) {
      const int64_t group = head / (sizes_.heads / sizes_.kv_heads);
      const auto part = [width](const at::Tensor& all, int64_t i) {
        return all.slice(-1, i * width, (i + 1) * width);
      };
      const at::Tensor q_BTD = turn(head_normed(part(q, head), p + "q_norm"));
      const at::Tensor k_BTD = turn(head_normed(part(k, group), p + "k_norm"));
      const at::Tensor scores =
          torch::matmul(q_BTD, k_BTD.mT()) / std::sqrt(static_cast<double>(width));
      const at::Tensor p_BTT =
          scores.masked_fill(later, -std::numeric_limits<double>::infinity()).softmax(-1);
      outputs.push_back(torch::matmul(p_BTT, part(v, group)));
    }
    return times(torch::cat(outputs, -1), p + "o_proj");
  }

  const GradientSizes& sizes_;
  std::map<std::string, at::Tensor> parameters_;
};

class EveryParameter : public testing::TestWithParam<GradientSizes> {
 protected:
  EveryParameter() {
    const GradientSizes& s = GetParam();
    Value options;
    options.set("layers", s.layers);
    options.set("width", s.width);
    options.set("heads", s.heads);
    options.set("kv_heads", s.kv_heads);
    options.set("head_width", s.head_width);
    options.set("inner", s.inner);
    options.set("vocabulary", s.vocabulary);
    options.set("context", s.time + 2);
    options.set("rope_theta", 100.0);
    options.set("norm_eps", 1e-3);
    options.set("tied", s.tied);
    options.set("architecture", s.architecture);
    options.set("rope_factor", s.rope_factor);
    options.set("rope_original_context", 40);
    model_ = oracle::make_llama(options);
    placement_ = std::make_shared<Placement>(model_->layout());
  }

  std::unique_ptr<Model> model_;
  std::shared_ptr<const Placement> placement_;
};

// Goal: the written-out backward pass is the derivative of the model. Method: float64, weights far
// from their initial values, gradients left over from before, against autograd of Reference.
TEST_P(EveryParameter, HasTheGradientOfAutograd) {
  torch::manual_seed(7);
  Arena x(placement_, at::kDouble), g(placement_, at::kDouble), wanted(placement_, at::kDouble);
  const std::vector<Tensor>& tensors = model_->layout().tensors();
  for (size_t i = 0; i < tensors.size(); ++i) {
    x[i].normal_(0, 0.3).add_(tensors[i].role == Role::kNorm ? 1 : 0);
  }
  const GradientSizes& s = GetParam();
  const at::Tensor tokens = torch::randint(s.vocabulary, {s.batch, s.time + 1}, torch::kLong);

  const double loss_wanted =
      autograd_loss_and_gradient(x, wanted, [&](const std::vector<at::Tensor>& parameters) {
        return Reference(s, model_->layout(), parameters).loss(tokens);
      });
  for (const StepOptions& options : {StepOptions{}, StepOptions{at::kFloat, 2, 1, true}}) {
    for (size_t i = 0; i < tensors.size(); ++i) g[i].fill_(123);
    EXPECT_NEAR(model_->loss_and_gradient(x, tokens, g, options), loss_wanted, 1e-12 * loss_wanted);
    for (size_t i = 0; i < tensors.size(); ++i) {
      // A single token attends to itself alone, so that queries and keys do not matter. A bias of
      // keys adds the same to all scores of a query, but for the turning.
      if (s.time > 1) {
        ASSERT_GT(wanted[i].norm().item<double>(), 1e-6) << tensors[i].name << ": nothing there";
      }
      EXPECT_LE((g[i] - wanted[i]).norm().item<double>(), 1e-10 * wanted[i].norm().item<double>())
          << tensors[i].name;
    }
    EXPECT_LE((g.flat() - wanted.flat()).norm().item<double>(),
              1e-10 * wanted.flat().norm().item<double>())
        << "padding is not zero";
  }
}

INSTANTIATE_TEST_SUITE_P(
    Llama, EveryParameter,
    testing::Values(GradientSizes{"Plain", 2, 16, 4, 4, 4, 32, 11, 3, 9, false},
                    GradientSizes{"GroupedQueries", 2, 24, 6, 2, 4, 40, 17, 2, 7, false},
                    GradientSizes{"OneKeyHeadTied", 3, 20, 4, 1, 6, 28, 13, 2, 5, true},
                    GradientSizes{"OddSizes", 1, 15, 3, 3, 10, 7, 5, 1, 3, false},
                    GradientSizes{"WideHeadsTied", 2, 33, 2, 1, 34, 35, 7, 3, 70, true},
                    GradientSizes{"OneToken", 1, 8, 2, 2, 4, 8, 5, 2, 1, false},
                    GradientSizes{"Qwen2", 2, 24, 6, 2, 4, 40, 17, 2, 67, false, "qwen2"},
                    GradientSizes{"Qwen2Tied", 1, 16, 4, 4, 6, 24, 11, 3, 5, true, "qwen2"},
                    GradientSizes{"Qwen3", 2, 24, 6, 2, 6, 40, 17, 2, 67, false, "qwen3"},
                    GradientSizes{"Qwen3WideHeadsTied", 2, 33, 2, 1, 34, 35, 7, 3, 9, true,
                                  "qwen3"},
                    GradientSizes{"Llama3", 2, 24, 4, 2, 12, 40, 17, 2, 30, false, "llama", 8},
                    GradientSizes{"Mistral", 1, 24, 4, 2, 6, 40, 17, 2, 9, false, "mistral"}),
    [](const auto& sizes) { return sizes.param.name; });

// Goal: autograd fills the same arena. Method: loss = sum(a^2) + 3 sum(a b), gradient known; c
// unused.
TEST(Autograd, FillsTheArenaAndZeroesWhatIsUnused) {
  Layout layout;
  layout.add("a", {3}, Role::kMatrix, -1);
  layout.add("b", {3}, Role::kMatrix, -1);
  layout.add("c", {2}, Role::kMatrix, -1);
  layout.add_alias("a again", "a");
  const auto placement = std::make_shared<Placement>(layout);
  Arena x(placement), g(placement);
  x[0].fill_(2);
  x[1].fill_(5);
  g.flat().fill_(9);
  const double loss = autograd_loss_and_gradient(x, g, [](const std::vector<at::Tensor>& p) {
    return (p[0] * p[3]).sum() + 3 * (p[0] * p[1]).sum();
  });
  EXPECT_EQ(loss, 12 + 90);
  EXPECT_TRUE(torch::equal(g[0], torch::full({3}, 4.0f + 15)));
  EXPECT_TRUE(torch::equal(g[1], torch::full({3}, 6.0f)));
  EXPECT_EQ(g.flat().sum().item<float>(), 3 * 19 + 3 * 6);
  EXPECT_FALSE(x.flat().requires_grad());
}

}  // namespace
}  // namespace causeway

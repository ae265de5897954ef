// SPDX-License-Identifier: Apache-2.0
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <thread>

#include "core/random.h"
#include "model/oracle.h"

namespace causeway {
namespace {

using oracle::make_llama;

/// Small products gain nothing from threads, and lose much on a busy machine.
class OneThread : public testing::Environment {
  void SetUp() override { at::set_num_threads(1); }
};
const testing::Environment* const kOneThread = testing::AddGlobalTestEnvironment(new OneThread);

std::shared_ptr<const Placement> place(const Model& model) {
  return std::make_shared<Placement>(model.layout());
}

std::vector<double> doubles(const at::Tensor& values) {
  const at::Tensor flat = values.to(at::kDouble).contiguous();
  return {flat.const_data_ptr<double>(), flat.const_data_ptr<double>() + flat.numel()};
}

MATCHER_P2(AllNear, wanted, tolerance, "") {
  const std::vector<double> want = wanted;
  if (arg.size() != want.size()) return false;
  for (size_t i = 0; i < want.size(); ++i)
    if (!(std::abs(arg[i] - want[i]) <= tolerance)) {
      *result_listener << "entry " << i << ": " << arg[i] << " for " << want[i];
      return false;
    }
  return true;
}

/// Goal: one pass over the validation rows gives the oracle's numbers. The oracle has float64; its
/// own float32 run says how far rounding may lead, of which four times is allowed.
class OracleTrace : public testing::TestWithParam<at::ScalarType> {
 protected:
  OracleTrace()
      : trace_(oracle::read_trace("forward")),
        model_(oracle::tiny_model()),
        x_(place(*model_), GetParam()) {
    oracle::load_tiny(x_);
  }
  double tolerance(const std::string& name) const {
    if (GetParam() == at::kDouble) return 1e-9;
    return 4 * trace_["float32_deviation"][name].get<double>();
  }

  nlohmann::json trace_;
  std::unique_ptr<Model> model_;
  Arena x_;
};

TEST_P(OracleTrace, Logits) {
  const at::Tensor row = oracle::validation_rows().narrow(0, 0, 1).narrow(1, 0, 32);
  const at::Tensor logits = model_->logits(x_, row);
  ASSERT_EQ(logits.sizes(), (std::vector<int64_t>{1, 32, 256}));
  for (const auto& [position, wanted] : trace_["row_0_logits"].items())
    EXPECT_THAT(doubles(logits[0][std::stoi(position)]),
                AllNear(wanted.get<std::vector<double>>(), tolerance("logits_abs")))
        << "position " << position;
}

TEST_P(OracleTrace, LossOfEachRow) {
  const at::Tensor losses = model_->losses(x_, oracle::validation_rows());
  ASSERT_EQ(losses.sizes(), (std::vector<int64_t>{16, 32}));
  EXPECT_EQ(losses.scalar_type(), GetParam());
  EXPECT_THAT(
      doubles(losses.mean(1, false, at::kDouble)),
      AllNear(trace_["loss_per_row"].get<std::vector<double>>(), tolerance("loss_per_row_abs")));
}

TEST_P(OracleTrace, LossAndGradient) {
  Arena g(x_.shared_placement(), GetParam());
  EXPECT_NEAR(model_->loss_and_gradient(x_, oracle::validation_rows(), g, {}),
              trace_["loss"].get<double>(), tolerance("loss_abs"));
  const std::vector<Tensor>& tensors = model_->layout().tensors();
  ASSERT_EQ(tensors.size(), trace_["gradient"].size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto& wanted = trace_["gradient"][tensors[i].name];
    const double norm = wanted["norm"];
    EXPECT_NEAR(g[i].norm().item<double>(), norm, norm * tolerance("gradient_norm_rel"))
        << tensors[i].name;
    // A sum may cancel, so its error is measured against what could cancel.
    EXPECT_NEAR(
        g[i].sum(at::kDouble).item<double>(), wanted["sum"].get<double>(),
        norm * std::sqrt(static_cast<double>(tensors[i].count)) * tolerance("gradient_norm_rel"))
        << tensors[i].name;
    EXPECT_THAT(
        doubles(g[i].flatten().narrow(0, tensors[i].count - 4, 4)),
        AllNear(wanted["last_4"].get<std::vector<double>>(), tolerance("gradient_last_4_abs")))
        << tensors[i].name;
  }
}

INSTANTIATE_TEST_SUITE_P(Types, OracleTrace, testing::Values(at::kFloat, at::kDouble),
                         [](const auto& type) { return std::string(c10::toString(type.param)); });

Value small_options() {
  Value options;
  options.set("layers", 2);
  options.set("width", 48);
  options.set("heads", 6);
  options.set("kv_heads", 2);
  options.set("context", 40);
  options.set("vocabulary", 50);
  return options;
}

/// The small model with weights of seed 3.
struct Small {
  std::unique_ptr<Model> model = make_llama(small_options());
  std::shared_ptr<const Placement> placement = place(*model);
  Arena x{placement};
  Small() { model->initialise(3, x); }
};

at::Tensor some_tokens(int64_t rows, int64_t columns, int64_t vocabulary) {
  const Random random(1, Stream::kSample);
  at::Tensor tokens = at::empty({rows, columns}, at::kLong);
  for (int64_t i = 0; i < tokens.numel(); ++i)
    tokens.data_ptr<int64_t>()[i] = static_cast<int64_t>(
        random.below(static_cast<uint64_t>(i), static_cast<uint64_t>(vocabulary)));
  return tokens;
}

TEST(Llama, HasTheOraclesLayout) {
  const auto model = oracle::tiny_model();
  EXPECT_EQ(model->layout().count(), 41'120);
  const auto trace = oracle::read_trace("forward");
  for (const Tensor& tensor : model->layout().tensors())
    EXPECT_EQ(trace["parameters"][tensor.name]["shape"].get<std::vector<int64_t>>(), tensor.shape);
  EXPECT_EQ(model->layout().tensors().front().name, "model.embed_tokens.weight");
  EXPECT_EQ(model->layout().tensors().back().name, "lm_head.weight");
}

TEST(Llama, WritesTheOraclesConfig) {
  auto config = nlohmann::json::parse(oracle::tiny_model()->config_json());
  // What transformers 5 calls otherwise is written as well.
  EXPECT_EQ(config["dtype"], "float32");
  EXPECT_EQ(config["rope_parameters"],
            nlohmann::json({{"rope_type", "default"}, {"rope_theta", 10000.0}}));
  config.erase("dtype");
  config.erase("rope_parameters");
  EXPECT_EQ(config, nlohmann::json::parse(oracle::read_file("fixtures/tiny.config.json")));
}

/// Names of the tensors of the first layer's attention.
std::vector<std::string> attention_names(const std::string& architecture) {
  Value options = small_options();
  options.set("architecture", architecture);
  const auto model = make_llama(options);
  std::vector<std::string> names;
  const std::string prefix = "model.layers.0.self_attn.";
  for (const Tensor& tensor : model->layout().tensors())
    if (tensor.name.starts_with(prefix)) names.push_back(tensor.name.substr(prefix.size()));
  return names;
}

TEST(Llama, HasTheTensorsOfItsArchitecture) {
  using testing::ElementsAre;
  EXPECT_EQ(attention_names("mistral"), attention_names("llama"));
  EXPECT_THAT(attention_names("qwen2"),
              ElementsAre("q_proj.weight", "q_proj.bias", "k_proj.weight", "k_proj.bias",
                          "v_proj.weight", "v_proj.bias", "o_proj.weight"));
  EXPECT_THAT(attention_names("qwen3"),
              ElementsAre("q_proj.weight", "k_proj.weight", "v_proj.weight", "o_proj.weight",
                          "q_norm.weight", "k_norm.weight"));
}

TEST(Llama, StartsBiasesAtZeroWithoutDecayAndHeadGainsAtOne) {
  for (const char* architecture : {"qwen2", "qwen3"}) {
    Value options = small_options();
    options.set("architecture", architecture);
    const auto model = make_llama(options);
    Arena x(place(*model));
    model->initialise(3, x);
    for (const Tensor& tensor : model->layout().tensors()) {
      const bool bias = tensor.name.ends_with(".bias");
      if (!bias && tensor.name.find("_norm.") == std::string::npos) continue;
      EXPECT_EQ(tensor.role, bias ? Role::kBias : Role::kNorm) << tensor.name;
      const auto index = static_cast<size_t>(&tensor - model->layout().tensors().data());
      EXPECT_TRUE(x[index].eq(bias ? 0 : 1).all().item<bool>()) << tensor.name;
    }
  }
}

TEST(Llama, FillsInSizesThatAreLeftOut) {
  Value options;
  options.set("width", 128);
  options.set("heads", 4);
  const auto config = nlohmann::json::parse(make_llama(options)->config_json());
  EXPECT_EQ(config["num_key_value_heads"], 4);
  EXPECT_EQ(config["head_dim"], 32);
  EXPECT_EQ(config["intermediate_size"], 352) << "341.3 rounded up to a multiple of 32";
  options.set("width", 96);  // 8/3 of it is 256, a multiple already
  EXPECT_EQ(nlohmann::json::parse(make_llama(options)->config_json())["intermediate_size"], 256);
}

TEST(Llama, RefusesSizesThatDoNotFit) {
  const auto mistake = [](std::initializer_list<std::pair<const char*, int64_t>> changes) {
    Value options = small_options();
    for (const auto& [name, value] : changes) options.set(name, value);
    Mistakes mistakes;
    EXPECT_NE(make_plugin(models(), "model", Plugin{"llama", options}, mistakes), nullptr);
    return mistakes.text();
  };
  EXPECT_EQ(mistake({}), "");
  EXPECT_THAT(mistake({{"kv_heads", 4}}), testing::HasSubstr("kv_heads = 4"));
  EXPECT_THAT(mistake({{"width", 50}}), testing::HasSubstr("width = 50"));
  EXPECT_THAT(mistake({{"width", 54}}), testing::HasSubstr("even"));
  EXPECT_THAT(mistake({{"head_width", 7}}), testing::HasSubstr("even"));
  EXPECT_EQ(mistake({{"width", 50}, {"head_width", 8}}), "");
  EXPECT_EQ(mistake({{"rope_high_freq_factor", 1}}), "") << "without a factor it means nothing";
  EXPECT_THAT(mistake({{"rope_factor", 8}, {"rope_high_freq_factor", 1}}),
              testing::HasSubstr("rope_high_freq_factor = 1"));
}

TEST(Llama, InitialWeightsAreAFunctionOfTheSeed) {
  const Small one, same;
  EXPECT_TRUE(one.x.flat().equal(same.x.flat()));
  Arena other(one.placement), twice(one.placement, at::kDouble);
  one.model->initialise(4, other);
  EXPECT_FALSE(one.x.flat().equal(other.flat()));
  one.model->initialise(3, twice);
  EXPECT_TRUE(one.x.flat().equal(twice.flat().to(at::kFloat))) << "the type changes no weight";
}

// Method: mean and deviation of each tensor, within five standard errors of what was asked for.
TEST(Llama, InitialWeightsHaveTheirDistribution) {
  const Small small;
  const std::vector<Tensor>& tensors = small.model->layout().tensors();
  std::set<double> sums;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const at::Tensor values = small.x[i].to(at::kDouble);
    if (tensors[i].role == Role::kNorm) {
      EXPECT_EQ(values.min().item<double>(), 1);
      EXPECT_EQ(values.max().item<double>(), 1);
      continue;
    }
    const bool adds = tensors[i].name.find("o_proj") != std::string::npos ||
                      tensors[i].name.find("down_proj") != std::string::npos;
    const double wanted = adds ? 0.01 : 0.02;  // two layers: 0.02 / sqrt(4)
    const double error = 5 / std::sqrt(static_cast<double>(tensors[i].count));
    EXPECT_NEAR(values.mean().item<double>(), 0, wanted * error) << tensors[i].name;
    EXPECT_NEAR(values.std().item<double>(), wanted, wanted * error) << tensors[i].name;
    EXPECT_TRUE(sums.insert(values.sum().item<double>()).second) << "two tensors are the same";
  }
  EXPECT_NEAR(small.model->losses(small.x, some_tokens(4, 41, 50)).mean().item<double>(),
              std::log(50), 0.05);
}

TEST(Llama, LossesAreTheLossByPosition) {
  const Small small;
  Arena g(small.placement);
  const at::Tensor tokens = some_tokens(3, 41, 50);
  const double loss = small.model->loss_and_gradient(small.x, tokens, g, {});
  EXPECT_NEAR(small.model->losses(small.x, tokens).mean(at::kDouble).item<double>(), loss, 1e-6);
}

// Goal: generating from a cache gives the logits of reading the whole text. Method: pieces of
// several lengths, so that one token, a first piece and a later piece of many tokens are all met.
TEST(Llama, CacheGivesTheLogitsOfTheWholeText) {
  const auto model = make_llama(small_options());
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
    Arena x(place(*model), dtype);
    model->initialise(3, x);
    x.flat().mul_(8);  // so that attention is not uniform
    const at::Tensor text = some_tokens(1, 40, 50);
    const at::Tensor wanted = model->logits(x, text)[0];
    const auto cache = model->make_cache();
    for (const int64_t piece : {5, 1, 1, 20, 2, 11}) {
      const int64_t* start = text.const_data_ptr<int64_t>() + cache->length();
      const at::Tensor got = model->next_logits(x, {start, static_cast<size_t>(piece)}, *cache);
      EXPECT_THAT(doubles(got),
                  AllNear(doubles(wanted[cache->length() - 1]), dtype == at::kFloat ? 1e-4 : 1e-12))
          << "after " << cache->length();
    }
    EXPECT_EQ(cache->length(), 40);
  }
}

// Goal: the same where the cache's room and the tables of angles have to grow, for each kind.
TEST(Llama, CacheGrowsWithTheText) {
  for (const char* architecture : {"llama", "qwen2", "qwen3"}) {
    Value options = small_options();
    options.set("architecture", architecture);
    options.set("context", 700);
    options.set("rope_factor", 4.0);
    options.set("rope_original_context", 100);
    const auto model = make_llama(options);
    Arena x(place(*model), at::kDouble);
    model->initialise(3, x);
    x.flat().mul_(8).add_(0.01);
    const at::Tensor text = some_tokens(1, 700, 50);
    const at::Tensor wanted = model->logits(x, text)[0];
    const auto cache = model->make_cache();
    for (const int64_t piece : {5, 250, 1, 1, 300, 143}) {
      const int64_t* start = text.const_data_ptr<int64_t>() + cache->length();
      const at::Tensor got = model->next_logits(x, {start, static_cast<size_t>(piece)}, *cache);
      EXPECT_THAT(doubles(got), AllNear(doubles(wanted[cache->length() - 1]), 1e-11))
          << architecture << " after " << cache->length();
    }
  }
}

// Goal: a head that is taken by parts of the rows is the same head. Method: a vocabulary of which
// 69 rows fit; losses against the logits, gradients against a vocabulary's whole logits.
TEST(Llama, TakesALargeVocabularyByParts) {
  Value options = small_options();
  options.set("vocabulary", 60'000);
  options.set("width", 6);
  options.set("head_width", 2);
  const auto model = make_llama(options);
  Arena x(place(*model)), g(x.shared_placement());
  model->initialise(3, x);
  x.flat().mul_(20);
  const at::Tensor tokens = some_tokens(3, 31, 60'000);
  const at::Tensor targets = tokens.narrow(1, 1, 30).unsqueeze(2);
  const at::Tensor logits = model->logits(x, tokens.narrow(1, 0, 30));
  const at::Tensor wanted =
      logits.logsumexp(at::IntArrayRef{2}) - logits.gather(2, targets).squeeze(2);
  EXPECT_THAT(doubles(model->losses(x, tokens)), AllNear(doubles(wanted), 1e-4));
  EXPECT_NEAR(model->loss_and_gradient(x, tokens, g, {}), wanted.mean().item<double>(), 1e-4);

  // The head's gradient is (p - 1[target])^T y / rows; each row of p sums to 1.
  const at::Tensor dhead = g[model->layout().tensors().size() - 1];
  EXPECT_LT(dhead.sum(0, false, at::kDouble).abs().max().item<double>(), 1e-5);
  // A token that is no target and was not read still has its share from every part.
  Arena one(x.shared_placement()), parts(x.shared_placement());
  for (int row = 0; row < 3; ++row) {
    model->loss_and_gradient(x, tokens.narrow(0, row, 1), one, {});  // 30 rows: a single part
    parts.flat().add_(one.flat(), 1.0 / 3);
  }
  EXPECT_LT((parts.flat() - g.flat()).norm().item<double>(), 1e-5 * g.flat().norm().item<double>());
}

TEST(LlamaDeathTest, RefusesTextBeyondTheContextAndTokensBeyondTheVocabulary) {
  const Small small;
  Arena g(small.placement);
  const std::vector<int64_t> text(40, 1);
  const auto cache = small.model->make_cache();
  small.model->next_logits(small.x, text, *cache);
  EXPECT_DEATH(small.model->next_logits(small.x, {text.data(), 1}, *cache), "after 40, context 40");
  EXPECT_DEATH(small.model->logits(small.x, some_tokens(1, 41, 50)), "context 40");
  EXPECT_DEATH(small.model->losses(small.x, some_tokens(1, 42, 50)), "context 40");
  EXPECT_DEATH(small.model->loss_and_gradient(small.x, at::full({1, 5}, 50, at::kLong), g, {}),
               "token 50 of 50");
}

// Goal: sites may train in threads of one process. Method: the same four passes one after the other
// and in two threads at once; the bits must agree.
TEST(Llama, ConcurrentPassesGiveTheSameBits) {
  const Small small;
  constexpr int kPasses = 4;
  const auto pass = [&small](int number) {
    at::set_num_threads(1);
    Arena g(small.placement);
    const at::Tensor tokens = some_tokens(8, 41, 50).roll(number, 1);
    const double loss = small.model->loss_and_gradient(small.x, tokens, g, {});
    return std::pair(loss, g.flat().clone());
  };
  std::vector<std::pair<double, at::Tensor>> alone(kPasses), together(kPasses);
  for (int i = 0; i < kPasses; ++i) alone[i] = pass(i);
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t)
    threads.emplace_back([&, t] {
      for (int i = t; i < kPasses; i += 2) together[i] = pass(i);
    });
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < kPasses; ++i) {
    EXPECT_EQ(alone[i].first, together[i].first);
    EXPECT_TRUE(alone[i].second.equal(together[i].second)) << i;
  }
  EXPECT_NE(alone[0].first, alone[1].first);
}

}  // namespace
}  // namespace causeway

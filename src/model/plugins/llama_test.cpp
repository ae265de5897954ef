// SPDX-License-Identifier: Apache-2.0
#include <ATen/Parallel.h>
#include <ATen/ops/randint.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <thread>

#include "model/oracle.h"

namespace causeway {
namespace {

using oracle::make_llama;

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
  EXPECT_NEAR(model_->loss_and_gradient(x_, oracle::validation_rows(), g),
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

}  // namespace
}  // namespace causeway

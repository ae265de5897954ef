// SPDX-License-Identifier: Apache-2.0
#include <ATen/ops/mean.h>

#include <algorithm>
#include <optional>

#include "model/model.h"
#include "oracle/cases.h"
#include "recipe/recipe.h"
#include "train/basis.h"
#include "train/weights.h"

namespace causeway::oracle {
namespace {

/// Four times what the oracle's own float32 pass measured, with the README's floors.
double limit(const json& trace, const char* key, double floor) {
  return std::max(4 * trace.at("float32_deviation").value(key, 0.0), floor);
}

void compare_logits(const json& trace, const Model& model, const Arena& x, const at::Tensor& rows,
                    Tally& tally) {
  const int64_t time = rows.size(1) - 1;
  const at::Tensor logits =
      model.logits(x, rows.narrow(0, 0, 1).narrow(1, 0, time)).to(at::kDouble)[0];
  for (const auto& [position, wanted] : trace.at("row_0_logits").items()) {
    const at::Tensor row = logits[std::stol(position)];
    for (size_t v = 0; v < wanted.size(); ++v)
      tally.add("logits",
                std::abs(wanted[v].get<double>() - row[static_cast<int64_t>(v)].item<double>()),
                limit(trace, "logits_abs", 2e-6));
  }
}

void compare_gradient(const json& trace, const Arena& g, Tally& tally) {
  const auto& tensors = g.placement().layout().tensors();
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (!trace.at("gradient").contains(tensors[i].name)) continue;
    const json& wanted = trace["gradient"][tensors[i].name];
    const at::Tensor got = g[i].to(at::kDouble).reshape(-1);
    const double norm = wanted.at("norm").get<double>();
    tally.add("gradient norm", std::abs(got.norm().item<double>() / norm - 1),
              limit(trace, "gradient_norm_rel", 2e-6));
    const at::Tensor last = got.narrow(0, got.numel() - 4, 4);
    for (int64_t k = 0; k < 4; ++k)
      tally.add("gradient values",
                std::abs(wanted.at("last_4").at(static_cast<size_t>(k)).get<double>() -
                         last[k].item<double>()),
                limit(trace, "gradient_last_4_abs", 2e-6 * norm));
  }
}

}  // namespace

Outcome run_forward(const json& trace, const Fixtures& fixtures) {
  Tally tally;
  Mistakes mistakes;
  json plain = {{"name", "forward"},
                {"workers", 1},
                {"steps", 1},
                {"clip", nullptr},
                {"inner", {{"name", "sgd"}}},
                {"schedule", {{"name", "constant"}, {"steps", 1}}},
                {"method", {{"name", "local"}}}};
  const auto table = recipe_of(plain, fixtures);
  const Recipe recipe = read_recipe(std::get<Value>(table), "", mistakes);
  if (!mistakes.empty()) {
    tally.add(mistakes.text(), 1, 0);
    return tally;
  }
  const auto owned = make_model(recipe);
  const Model& model = *owned;
  const auto placement = std::make_shared<const Placement>(model.layout());
  Arena x(placement), g(placement);
  if (auto read = read_weights(fixtures.weights, x); !read) {
    tally.add(read.error().message, 1, 0);
    return tally;
  }
  const double loss = model.loss_and_gradient(x, fixtures.valid, g, {});
  tally.add("loss", std::abs(trace.at("loss").get<double>() - loss),
            limit(trace, "loss_abs", 2e-6));
  const at::Tensor by_row = model.losses(x, fixtures.valid).to(at::kDouble).mean(1);
  const json& wanted = trace.at("loss_per_row");
  for (size_t row = 0; row < wanted.size(); ++row)
    tally.add(
        "loss per row",
        std::abs(wanted[row].get<double>() - by_row[static_cast<int64_t>(row)].item<double>()),
        limit(trace, "loss_per_row_abs", 2e-6));
  compare_logits(trace, model, x, fixtures.valid, tally);
  compare_gradient(trace, g, tally);
  return tally;
}

}  // namespace causeway::oracle

// SPDX-License-Identifier: Apache-2.0
#include <ATen/Parallel.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>

#include <nlohmann/json.hpp>

#include "cli/bench_row.h"
#include "cli/bench_sync.h"
#include "cli/command.h"
#include "model/model.h"
#include "optim/clip.h"
#include "optim/inner.h"
#include "train/team.h"

namespace causeway {
namespace {

using nlohmann::json;

/// Floating-point speed of a square product of width `n`: what no training step can pass.
double product_gflops(int64_t n, int runs) {
  const at::Tensor a = at::randn({n, n}), b = at::randn({n, n});
  at::Tensor c;
  const double seconds = median_seconds(runs, [&] { c = at::mm(a, b); });
  return 2e-9 * static_cast<double>(n * n * n) / seconds;
}

json train_step(const std::string& name, int64_t layers, int64_t width, int64_t context, int runs,
                double limit_gflops) {
  constexpr int64_t kTokens = 4096;
  Value sizes, none;
  sizes.set("layers", layers);
  sizes.set("width", width);
  sizes.set("heads", 4);
  sizes.set("context", context);
  Mistakes mistakes;
  const auto model = make_plugin(models(), "model", {"llama", sizes}, mistakes);
  const auto optimizer = make_plugin(inner_optimizers(), "optimizer", {"adamw", none}, mistakes);
  CW_CHECK(mistakes.empty(), "{}", mistakes.text());
  TrainReplica replica(*model, std::make_shared<const Placement>(model->layout()), *optimizer);
  model->initialise(1, replica.arena("x"));
  const at::Tensor tokens = at::randint(256, {kTokens / context, context + 1}, at::kLong);
  const double before = model->losses(replica.arena("x"), tokens).mean().item<double>();
  const double seconds = median_seconds(runs, [&] {
    replica.loss_and_gradient(tokens);
    replica.update(1e-3, clip_scale(replica.gradient_norm(), 1.0));
  });
  const double after = model->losses(replica.arena("x"), tokens).mean().item<double>();
  CW_CHECK(after < before, "{}: {} steps did not lower the loss", name, runs);
  const double flops = 6.0 * static_cast<double>(model->layout().count() * kTokens);
  return bench_row(fmt::format("train step {} fp32, {:.0f} tokens/s", name, kTokens / seconds),
                   flops * 1e-9 / seconds, "GFLOP/s", limit_gflops, "matrix product");
}

int bench(bool quick, bool as_json) {
  prepare_compute_thread();
  const int runs = quick ? 3 : 11;
  const double gflops = product_gflops(quick ? 512 : 1024, runs);
  json rows = json::array();
  rows.push_back(train_step("S (4 x 128, context 64)", 4, 128, 64, runs, gflops));
  rows.push_back(train_step("M (4 x 192, context 128)", 4, 192, 128, runs, gflops));
  if (!quick) rows.push_back(train_step("L (6 x 256, context 256)", 6, 256, 256, runs, gflops));
  for (json& one : bench_sync(quick)) rows.push_back(std::move(one));
  if (as_json) {
    fmt::print("{}\n", rows.dump(1));
    return kDone;
  }
  fmt::print("one thread; medians of {} runs\n{:<54} {:>10} {:<13} {:>8} {:<14} {:>6}\n", runs,
             "what", "value", "unit", "limit", "of", "ratio");
  for (const json& one : rows)
    fmt::print("{:<54} {:>10.2f} {:<13} {:>8.1f} {:<14} {:>5.0f}%\n",
               one["what"].get<std::string>(), one["value"].get<double>(),
               one["unit"].get<std::string>(), one["limit"].get<double>(),
               one["limit_name"].get<std::string>(), 100 * one["ratio"].get<double>());
  return kDone;
}

}  // namespace

void add_bench(CLI::App& app, int& exit_code) {
  auto quick = std::make_shared<bool>(false);
  auto as_json = std::make_shared<bool>(false);
  CLI::App* command =
      app.add_subcommand("bench", "Measure this machine: training step, fold, codecs.");
  command->add_flag("--quick", *quick, "Smaller and fewer runs: under a minute");
  command->add_flag("--json", *as_json, "For machines");
  command->footer(
      "Each figure stands beside the limit that the same machine reaches in the same "
      "run.\nExample: causeway bench --quick");
  command->callback([=, &exit_code] { exit_code = bench(*quick, *as_json); });
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include <ATen/Parallel.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>

#include "aggregate/rule.h"
#include "cli/bench_step.h"
#include "cli/command.h"
#include "codec/signal.h"
#include "core/random.h"
#include "model/model.h"
#include "optim/clip.h"
#include "optim/inner.h"
#include "train/team.h"

namespace causeway {
namespace {

using nlohmann::json;

/// Median seconds of `runs` calls after one that is not counted.
template <class Call>
double median_seconds(int runs, Call&& call) {
  call();
  std::vector<double> seconds;
  for (int i = 0; i < runs; ++i) {
    const auto began = std::chrono::steady_clock::now();
    call();
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  }
  std::ranges::sort(seconds);
  return seconds[seconds.size() / 2];
}

std::vector<float> normal_values(int64_t count, uint32_t index) {
  const Random random(1, Stream::kSample, index);
  std::vector<float> out(static_cast<size_t>(count));
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(random.normal(i));
  return out;
}

/// One result: what was measured, and the limit of the same machine that it is compared with.
json row(const std::string& what, double value, const std::string& unit, double limit,
         const std::string& limit_name) {
  return {{"what", what},   {"value", value},         {"unit", unit},
          {"limit", limit}, {"ratio", value / limit}, {"limit_name", limit_name}};
}

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
  TrainReplica replica(*model, std::make_shared<const Placement>(model->layout()), *optimizer,
                       StepOptions{});
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
  return row(fmt::format("train step {} fp32, {:.0f} tokens/s", name, kTokens / seconds),
             flops * 1e-9 / seconds, "GFLOP/s", limit_gflops, "matrix product");
}

/// GB/s of a copy, reads and writes counted: the limit of memory.
double copy_gbps(int64_t count, int runs) {
  const auto source = normal_values(count, 0);
  std::vector<float> target(source.size());
  const double seconds = median_seconds(
      runs, [&] { std::memcpy(target.data(), source.data(), source.size() * sizeof(float)); });
  CW_CHECK(target == source);
  return 8e-9 * static_cast<double>(count) / seconds;
}

json fold(int64_t count, int runs, double limit_gbps) {
  constexpr uint32_t kMembers = 8;
  Mistakes mistakes;
  const auto rule = make_plugin(rules(), "rule", Plugin{"mean", {}}, mistakes);
  std::vector<std::vector<float>> rows;
  for (uint32_t m = 0; m < kMembers; ++m) rows.push_back(normal_values(count, m));
  const std::vector<std::span<const float>> views(rows.begin(), rows.end());
  const std::vector<int64_t> weights(kMembers, 1);
  std::vector<float> out(rows[0].size());
  const double seconds = median_seconds(runs, [&] { rule->fold(views, weights, out); });
  double wanted = 0;
  for (const auto& one : rows) wanted += one[0];
  CW_CHECK(out[0] == static_cast<float>(wanted / kMembers));
  return row("fold of 8 replicas", 4e-9 * kMembers * static_cast<double>(count) / seconds,
             "GB/s of fp32", limit_gbps, "copy");
}

json codec_row(const Entry<Codec>& entry, int64_t count, int runs, double limit_gbps,
               bool decodes) {
  Mistakes mistakes;
  const auto codec = entry.make({}, mistakes);
  const auto values = normal_values(count, 0);
  std::vector<float> decoded(values.size());
  const Bytes bytes = encode_signal(*codec, values, 1);
  const double seconds = median_seconds(runs, [&] {
    if (!decodes) {
      CW_CHECK(encode_signal(*codec, values, 1).size() == bytes.size());
      return;
    }
    const auto signal = EncodedSignal::open(*codec, bytes, count);
    CW_CHECK(signal.ok() && signal->decode(decoded).ok());
  });
  return row(fmt::format("{} {}", decodes ? "decode" : "encode", entry.name),
             4e-9 * static_cast<double>(count) / seconds, "GB/s of fp32", limit_gbps, "copy");
}

int bench(bool quick, bool as_json) {
  prepare_compute_thread();
  const int runs = quick ? 3 : 11;
  const int64_t count = quick ? 4'000'000 : 25'000'000;
  const double gflops = product_gflops(quick ? 512 : 1024, runs);
  const double gbps = copy_gbps(count, runs);
  json rows = json::array();
  rows.push_back(train_step("S (4 x 128, context 64)", 4, 128, 64, runs, gflops));
  rows.push_back(train_step("M (4 x 192, context 128)", 4, 192, 128, runs, gflops));
  if (!quick) rows.push_back(train_step("L (6 x 256, context 256)", 6, 256, 256, runs, gflops));
  rows.push_back(fold(count / 4, runs, gbps));
  for (const Entry<Codec>* entry : codecs())
    for (const bool decodes : {false, true})
      rows.push_back(codec_row(*entry, count, runs, gbps, decodes));
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
  command->callback([=, &exit_code] {
    if (command->get_subcommands().empty()) exit_code = bench(*quick, *as_json);
  });
  add_bench_step(*command, exit_code);
}

}  // namespace causeway

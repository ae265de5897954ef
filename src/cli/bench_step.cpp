// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_step.h"

#include <ATen/ops/randint.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "cli/bench_products.h"
#include "cli/command.h"
#include "core/simd.h"
#include "model/model.h"
#include "optim/clip.h"
#include "optim/inner.h"
#include "train/explain.h"
#include "train/team.h"

namespace causeway {
namespace {

using nlohmann::json;

/// One replica with tokens of its own, as a step of `causeway train` has them.
class Bench {
 public:
  Bench(const Model& model, const std::shared_ptr<const Placement>& placement,
        const InnerOptimizer& optimizer, const BenchSizes& sizes)
      : replica_(model, placement, optimizer, sizes.step_options()),
        tokens_(at::randint(256, {sizes.tokens / sizes.context, sizes.context + 1}, at::kLong)) {
    model.initialise(1, replica_.arena("x"));
  }

  double step() {
    const double loss = replica_.loss_and_gradient(tokens_);
    replica_.update(1e-3, clip_scale(replica_.gradient_norm(), 1.0));
    return loss;
  }

 private:
  TrainReplica replica_;
  at::Tensor tokens_;
};

double seconds_of(const std::function<void()>& call) {
  const auto began = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

/// Answers each line of the input, a number of steps, with what `steps` says of them.
int serve(json ready, const std::function<json(int64_t)>& steps) {
  ready["ready"] = true;
  ready["simd"] = simd_name(simd());
  ready["memory_bytes"] = peak_memory_bytes();
  std::cout << ready.dump() << std::endl;
  std::string line;
  while (std::getline(std::cin, line)) {
    const int64_t count = std::atoll(line.c_str());
    if (count < 1) {
      fmt::print(stderr, "bench: got \"{}\"; wanted: a number of steps\n", line);
      return kBadUsage;
    }
    json answer = steps(count);
    answer["memory_bytes"] = peak_memory_bytes();
    std::cout << answer.dump() << std::endl;
  }
  return kDone;
}

std::unique_ptr<Model> make_model(const BenchSizes& sizes) {
  Value options;
  options.set("layers", sizes.layers);
  options.set("width", sizes.width);
  options.set("heads", sizes.heads);
  options.set("context", sizes.context);
  Mistakes mistakes;
  auto model = make_plugin(models(), "model", {"llama", options}, mistakes);
  if (!mistakes.empty()) throw CLI::ValidationError("sizes", mistakes.text());
  return model;
}

/// K replicas whose steps the threads share out, as a run's workers.
int bench_replicas(const BenchSizes& sizes, int32_t workers) {
  const auto model = make_model(sizes);
  Mistakes none;
  const auto optimizer = make_plugin(inner_optimizers(), "optimizer", {"adamw", {}}, none);
  const auto placement = std::make_shared<const Placement>(model->layout());
  const int32_t carriers = std::min(sizes.threads, workers);
  Threads threads(carriers, [&] { prepare_compute_threads(sizes.threads / carriers); });
  std::vector<std::unique_ptr<Bench>> replicas;
  for (int32_t i = 0; i < workers; ++i)
    replicas.push_back(std::make_unique<Bench>(*model, placement, *optimizer, sizes));
  std::vector<double> losses(replicas.size());
  return serve({{"parameters", model->layout().count()}, {"tokens", workers * sizes.tokens}},
               [&](int64_t count) {
                 std::vector<double> seconds;
                 for (int64_t i = 0; i < count; ++i)
                   seconds.push_back(seconds_of([&] {
                     threads.each(workers, [&](int64_t worker) {
                       const auto index = static_cast<size_t>(worker);
                       losses[index] = replicas[index]->step();
                     });
                   }));
                 return json{{"seconds", seconds},
                             {"loss", std::reduce(losses.begin(), losses.end()) / workers}};
               });
}

/// The step's matrix products and attention alone, on buffers that are there.
int bench_products(const BenchSizes& sizes) {
  const auto model = make_model(sizes);
  prepare_compute_threads(sizes.threads);
  StepProducts products(sizes);
  return serve({{"parameters", model->layout().count()}, {"tokens", sizes.tokens}},
               [&](int64_t count) {
                 std::vector<double> all, product_seconds, attention_seconds;
                 for (int64_t i = 0; i < count; ++i) {
                   product_seconds.push_back(seconds_of([&] { products.run_products(); }));
                   attention_seconds.push_back(seconds_of([&] { products.run_attention(); }));
                   all.push_back(product_seconds.back() + attention_seconds.back());
                 }
                 return json{{"seconds", all},
                             {"products_seconds", product_seconds},
                             {"attention_seconds", attention_seconds}};
               });
}

void add_sizes(CLI::App& command, BenchSizes& sizes) {
  command.add_option("--layers", sizes.layers, "Blocks")->check(CLI::Range(1, 1000));
  command.add_option("--width", sizes.width, "Channels")->check(CLI::Range(1, 65'536));
  command.add_option("--heads", sizes.heads, "Heads")->check(CLI::Range(1, 1024));
  command.add_option("--context", sizes.context, "Tokens of a row")->check(CLI::Range(1, 1 << 20));
  command.add_option("--tokens", sizes.tokens, "Tokens of a step")->check(CLI::Range(1, 1 << 24));
  command.add_option("--micro-tokens", sizes.micro_tokens, "As train.micro_tokens");
  command.add_option("--lanes", sizes.lanes, "As train.lanes");
  command.add_option("--threads", sizes.threads, "Threads")->check(CLI::Range(1, 1024));
  command.add_option("--precision", sizes.precision, "fp32 or bf16")
      ->check(CLI::IsMember({"fp32", "bf16"}));
  command.add_flag("--recompute", sizes.recompute, "As train.recompute");
}

}  // namespace

StepOptions BenchSizes::step_options() const {
  return {precision == "bf16" ? at::kBFloat16 : at::kFloat, lanes, micro_tokens, recompute};
}

void add_bench_step(CLI::App& bench, int& exit_code) {
  auto sizes = std::make_shared<BenchSizes>();
  auto workers = std::make_shared<int32_t>(1);
  const std::string protocol =
      "Prints one JSON line when it is ready; then, for each number n on its input, runs n steps "
      "and prints one more.\nExample: echo 5 | causeway bench ";
  CLI::App* step = bench.add_subcommand("step", "Training steps of one replica, timed one by one.");
  add_sizes(*step, *sizes);
  step->footer(protocol + "step --layers 4 --width 128 --context 64");
  step->callback([=, &exit_code] { exit_code = bench_replicas(*sizes, 1); });

  CLI::App* products = bench.add_subcommand(
      "products", "A training step's matrix products and attention alone: what bounds the step.");
  add_sizes(*products, *sizes);
  products->footer(protocol + "products --precision bf16");
  products->callback([=, &exit_code] { exit_code = bench_products(*sizes); });

  CLI::App* replicas =
      bench.add_subcommand("replicas", "Steps of several replicas that share the threads.");
  add_sizes(*replicas, *sizes);
  replicas->add_option("--workers", *workers, "Replicas")->check(CLI::Range(1, 1024));
  replicas->footer(protocol + "replicas --workers 4 --threads 2");
  replicas->callback([=, &exit_code] { exit_code = bench_replicas(*sizes, *workers); });
}

}  // namespace causeway

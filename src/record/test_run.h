// SPDX-License-Identifier: Apache-2.0
//
// A small run for the tests of this folder.
#pragma once

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "record/listener.h"

namespace causeway {

/// Two sites, two workers, one channel, 100 steps. DDP sends 4,000 bytes a step.
inline RunInfo small_run(int64_t first_step = 0) {
  RunInfo info;
  info.name = "pair";
  info.folder = "runs/pair";
  info.recipe_toml = "seed = 1\n";
  info.method = "fedavg";
  info.sites = {{"north", 1000, 100}, {"south", 2000, 200}};
  info.worker_sites = {0, 1};
  info.channels = {{"weights", "parameters", "all", "fp32", "fp32", 250, 10, 1000, 1000}};
  info.parameters = 250;
  info.steps = 100;
  info.first_step = first_step;
  info.tokens_per_step = 64;
  info.ddp_bytes_per_step = 4000;
  info.predicted_bytes = 40'000;
  return info;
}

inline StepReport small_step(int64_t step, int32_t worker, double loss = 2.5) {
  return {.worker = worker,
          .step = step,
          .loss = loss,
          .gradient_norm = 0.5,
          .rate = 0.25,
          .tokens = 64 * step,
          .seconds = 0.125,
          .trained = true};
}

inline RoundReport small_round(int64_t round, int64_t step) {
  return {.round = round,
          .step = step,
          .channels = {"weights"},
          .members = {{0, 640}, {1, 640}},
          .up_bytes = 2000,
          .down_bytes = 2000,
          .fold_seconds = 0.01};
}

inline RunSummary small_summary() {
  RunSummary summary;
  summary.finished = true;
  summary.steps = 100;
  summary.seconds = 200;
  summary.weights_digest = "0123456789abcdef0123456789abcdef";
  summary.up_bytes = 600'000;
  summary.down_bytes = 600'000;
  summary.ddp_bytes = 480'000'000;
  summary.first_valid = {{0, "north", 5.5, 8.0, 100}, {0, "south", 5.6, 8.1, 200}};
  summary.last_valid = {{100, "north", 1.5, 2.25, 100}, {100, "south", 1.6, 2.5, 200}};
  summary.yardstick = {{"north", 2.375}, {"south", 2.4375}};
  summary.sample = "One fish\nTwo fish";
  summary.checkpoint = "runs/pair/checkpoints/100";
  return summary;
}

inline std::string text_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

/// An empty folder for one test.
inline std::string empty_folder() {
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  const std::string path =
      testing::TempDir() + "causeway_" + test->test_suite_name() + "_" + test->name();
  std::filesystem::remove_all(path);
  std::filesystem::create_directories(path);
  return path;
}

/// Catches what is logged while it lives.
class LogCatcher {
 public:
  LogCatcher() : before_(spdlog::default_logger()) {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(text_);
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("causeway", sink));
    spdlog::set_pattern("%v");
  }
  ~LogCatcher() { spdlog::set_default_logger(before_); }
  int64_t lines() const {
    const std::string text = text_.str();
    return std::count(text.begin(), text.end(), '\n');
  }
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::shared_ptr<spdlog::logger> before_;
};

/// A disk that is full: while it lives, no file of this process can grow past `size_bytes`.
class FullDisk {
 public:
  explicit FullDisk(uint64_t size_bytes) : signal_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{size_bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, signal_);
  }

 private:
  rlimit before_{};
  void (*signal_)(int);
};

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "data/safetensors.h"
#include "oracle/cases.h"
#include "train/team.h"

namespace causeway::oracle {
namespace {

namespace fs = std::filesystem;

Result<json> read_json(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return failure(Fault::kIo, "{} cannot be read", path);
  json out = json::parse(in, nullptr, false);
  if (!out.is_object()) return failure(Fault::kBadInput, "{} is no JSON object", path);
  return out;
}

Outcome run_case(const json& trace, const Fixtures& fixtures) {
  // The trace of the parts has no method.
  const std::string method = trace.contains("method")
                                 ? trace["method"].at("name").get<std::string>()
                                 : trace.at("name").get<std::string>();
  if (method == "forward") return run_forward(trace, fixtures);
  if (method == "units") return run_units(trace);
  if (method == "grid_average") return run_grid(trace, fixtures);
  if (!trace.contains("losses")) return Skipped{"method " + method + " is not known"};
  return run_training(trace, fixtures);
}

struct Counts {
  int64_t passed = 0, failed = 0, skipped = 0;
};

void tell(const std::string& name, const Outcome& outcome, Counts& counts) {
  if (const auto* skipped = std::get_if<Skipped>(&outcome)) {
    ++counts.skipped;
    fmt::print("skipped {:<28} {}\n", name, skipped->why);
    return;
  }
  const Tally& tally = std::get<Tally>(outcome);
  ++(tally.passed() ? counts.passed : counts.failed);
  fmt::print("{} {:<28}{}\n", tally.passed() ? "passed " : "FAILED ", name, tally.text());
}

int run(const std::string& folder) {
  prepare_compute_thread();
  const auto fixtures = open_fixtures(folder);
  if (!fixtures) {
    fmt::print(stderr, "causeway_oracle: {}\n", fixtures.error().message);
    return 2;
  }
  std::vector<std::string> paths;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder + "/traces", error))
    if (entry.path().extension() == ".json") paths.push_back(entry.path().string());
  std::sort(paths.begin(), paths.end());
  Counts counts;
  for (const std::string& path : paths) {
    const std::string name = fs::path(path).stem().string();
    Tally broken;
    const auto trace = read_json(path);
    try {
      if (trace) {
        tell(name, run_case(*trace, *fixtures), counts);
      } else {
        broken.add(trace.error().message, 1, 0);
        tell(name, broken, counts);
      }
    } catch (const json::exception& mistake) {
      broken.add(mistake.what(), 1, 0);
      tell(name, broken, counts);
    }
    std::fflush(stdout);
  }
  fmt::print("{} passed, {} failed, {} skipped\n", counts.passed, counts.failed, counts.skipped);
  return counts.failed == 0 && counts.passed > 0 ? 0 : 1;
}

}  // namespace

Result<Fixtures> open_fixtures(const std::string& folder) {
  Fixtures out;
  const std::string base = fs::absolute(folder).string() + "/fixtures";
  CW_ASSIGN(out.config, read_json(base + "/tiny.config.json"));
  out.weights = base + "/tiny.safetensors";
  out.batches = base + "/batches.safetensors";
  CW_ASSIGN(const Safetensors file, Safetensors::open(out.batches));
  CW_ASSIGN(const TensorView tokens, file.find("tokens"));
  CW_ASSIGN(const TensorView valid, file.find("valid"));
  if (tokens.shape.size() != 4 || valid.shape.size() != 2 || valid.dtype != DType::kI32)
    return failure(Fault::kBadInput, "{}: wanted `tokens` with 4 axes and int32 `valid` with 2",
                   out.batches);
  out.batch_tokens = tokens.shape[2] * (tokens.shape[3] - 1);
  out.tokens = at::empty(tokens.shape, at::kInt);
  std::memcpy(out.tokens.data_ptr(), tokens.bytes.data(), tokens.bytes.size());
  CW_ASSIGN(const Safetensors weights, Safetensors::open(out.weights));
  for (const auto& [name, tensor] : weights.tensors()) out.shapes[name] = tensor.shape;
  out.valid = at::empty({valid.shape[0], valid.shape[1]}, at::kInt);
  std::memcpy(out.valid.data_ptr(), valid.bytes.data(), valid.bytes.size());
  out.valid = out.valid.to(at::kLong);
  return out;
}

}  // namespace causeway::oracle

int main(int argc, char** argv) {
  if (argc != 2 || std::string_view(argv[1]).starts_with("-")) {
    fmt::print(
        "Replays golden traces and compares.\nusage: {} FOLDER   (with fixtures/ and "
        "traces/*.json)\n",
        argv[0]);
    return argc == 2 && std::string_view(argv[1]) == "--help" ? 0 : 2;
  }
  return causeway::oracle::run(argv[1]);
}

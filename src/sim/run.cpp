// SPDX-License-Identifier: Apache-2.0
#include "sim/run.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "sim/check.h"
#include "sim/toy_course.h"

namespace causeway {
namespace {

/// The scenario's world without faults, made when it is asked for.
class Undisturbed {
 public:
  Undisturbed(const Scenario& scenario, const Course& course)
      : scenario_(scenario), course_(course) {
    scenario_.faults.clear();
  }
  const World& world() {
    if (!world_) {
      world_.emplace(scenario_, course_, World::Options{{}, 0});
      world_->run();
    }
    return *world_;
  }

 private:
  Scenario scenario_;
  const Course& course_;
  std::optional<World> world_;
};

}  // namespace

std::unique_ptr<Course> make_course(const Scenario& scenario, Mistakes& mistakes) {
  ToyOptions options;
  read_options(scenario.model, options, mistakes);
  return ToyCourse::make(options, scenario.sync,
                         {static_cast<int32_t>(scenario.workers), scenario.steps,
                          static_cast<uint64_t>(scenario.seed)},
                         mistakes);
}

Outcome run_scenario(const Scenario& scenario, const Course& course,
                     const World::Options& options) {
  World world(scenario, course, options);
  world.run();
  Outcome out;
  if (!world.trouble().empty()) out.wrong.push_back(world.trouble());
  Undisturbed undisturbed(scenario, course);
  for (const CheckSpec& spec : scenario.checks) {
    Mistakes mistakes;
    const auto check = make_plugin(checks(), "check", {spec.kind, spec.options}, mistakes);
    CW_CHECK(check != nullptr && mistakes.empty(), "{}", mistakes.text());
    const std::string wrong =
        check->wrong(world, [&]() -> const World& { return undisturbed.world(); });
    if (!wrong.empty() && wrong != world.trouble())
      out.wrong.push_back(fmt::format("{}: {}", spec.kind, wrong));
  }
  out.committed = world.history().committed();
  out.aborted = world.history().aborted();
  out.virtual_us = world.now_us();
  out.events = world.events();
  out.history = world.digest();
  out.timeline.assign(world.timeline().begin(), world.timeline().end());
  return out;
}

Result<std::vector<std::string>> scenario_files(const std::vector<std::string>& paths) {
  namespace fs = std::filesystem;
  std::vector<std::string> out;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      if (!fs::exists(path, error)) return failure(Fault::kBadInput, "{}: no such file", path);
      out.push_back(path);
      continue;
    }
    std::vector<std::string> found;
    for (auto entry = fs::recursive_directory_iterator(path, error);
         !error && entry != fs::recursive_directory_iterator(); entry.increment(error))
      if (entry->path().extension() == ".toml") found.push_back(entry->path().string());
    if (error) return failure(Fault::kIo, "{}: {}", path, error.message());
    if (found.empty())
      return failure(Fault::kBadInput, "{}: there is no scenario (*.toml) in this folder", path);
    std::sort(found.begin(), found.end());
    out.insert(out.end(), found.begin(), found.end());
  }
  return out;
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
//
// Every scenario of the folder scenarios/ passes, under the auditor's eyes. Those with a real model
// are run by tests/python.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "sim/auditor.h"
#include "sim/run.h"

namespace causeway {
namespace {

std::vector<std::string> all_files() {
  auto files = scenario_files({std::string(CAUSEWAY_SOURCE) + "/scenarios"});
  CW_CHECK(files.ok(), "{}", files.error().message);
  std::erase_if(*files, [](const std::string& file) { return file.find("/models/") != file.npos; });
  return *files;
}

std::string stem(const std::string& path) { return std::filesystem::path(path).stem().string(); }

class EveryScenario : public testing::TestWithParam<std::string> {};

TEST_P(EveryScenario, Passes) {
  Mistakes mistakes;
  const Scenario scenario = load_scenario(GetParam(), mistakes);
  ASSERT_TRUE(mistakes.empty()) << mistakes.text();
  const auto course = make_course(scenario, mistakes);
  ASSERT_NE(course, nullptr) << mistakes.text();
  Auditor auditor;
  World::Options options;
  options.observers = {&auditor};
  const Outcome outcome = run_scenario(scenario, *course, options);
  EXPECT_THAT(outcome.wrong, testing::IsEmpty());
  if (!outcome.passed())
    for (const std::string& line : outcome.timeline) std::printf("%s\n", line.c_str());
}

INSTANTIATE_TEST_SUITE_P(Scenarios, EveryScenario, testing::ValuesIn(all_files()),
                         [](const auto& file) {
                           std::string name = stem(file.param);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace causeway

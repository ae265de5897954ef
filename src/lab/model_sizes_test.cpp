// SPDX-License-Identifier: Apache-2.0
#include "lab/model_sizes.h"

#include <gtest/gtest.h>

#include <cmath>

namespace causeway {
namespace {

// As their authors count them.
TEST(ModelSizes, UsualOnesHaveThePublishedCounts) {
  const std::pair<const char*, int64_t> published[] = {
      {"1.3b", 1'345'423'360}, {"3b", 3'426'473'600},   {"7b", 6'738'415'616},
      {"13b", 13'015'864'320}, {"33b", 32'528'943'616}, {"65b", 65'285'660'672}};
  for (const auto& [name, count] : published) {
    const auto size = model_size(name);
    ASSERT_TRUE(size.ok()) << name;
    EXPECT_EQ(size->parameters, count) << name;
    EXPECT_TRUE(size->usual) << name;
  }
}

TEST(ModelSizes, CountIsThatOfTheFormula) {
  for (const char* name : {"60m", "125m", "350m", "760m", "40m", "2b", "100b"}) {
    const auto size = model_size(name);
    ASSERT_TRUE(size.ok()) << name;
    const LlamaOptions& o = size->options;
    EXPECT_EQ(size->parameters,
              2 * o.vocabulary * o.width + o.width +
                  o.layers * (4 * o.width * o.width + 3 * o.width * o.inner + 2 * o.width))
        << name;
    Mistakes mistakes;
    o.check({}, mistakes);
    EXPECT_TRUE(mistakes.empty()) << mistakes.text();
  }
}

TEST(ModelSizes, OthersComeNearTheirNumberAndGrowWithIt) {
  int64_t before = 0;
  for (const double number :
       {20e6, 30e6, 60e6, 90e6, 200e6, 500e6, 1e9, 2e9, 5e9, 9e9, 20e9, 40e9, 100e9, 200e9}) {
    const auto size = model_size(std::to_string(number / 1e6) + "m");
    ASSERT_TRUE(size.ok()) << number;
    EXPECT_NEAR(std::log(static_cast<double>(size->parameters) / number), 0, 0.1) << number;
    EXPECT_GT(size->parameters, before) << number;
    EXPECT_GE(size->options.layers, 2) << number;
    before = size->parameters;
  }
}

TEST(ModelSizes, SameNumberInEitherUnitAndCase) {
  EXPECT_EQ(model_size("1300M")->parameters, model_size("1.3b")->parameters);
  EXPECT_FALSE(model_size("1.31b")->usual);
}

TEST(ModelSizes, WhatIsNoSizeIsRefused) {
  for (const char* text : {"", "b", "1.3", "1.3bb", "1.3 b", "-1b", "0m", "nanb", "infb", "1e99b",
                           "19m", "201b", "1.3k", "llama"})
    EXPECT_FALSE(model_size(text).ok()) << text;
}

}  // namespace
}  // namespace causeway

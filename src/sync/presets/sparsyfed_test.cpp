// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "exchange/toy_method.h"

namespace causeway {
namespace {

TEST(SparsyFedPreset, TrainsAParametrisationAndSendsTheLargestOfEachLayer) {
  Mistakes mistakes;
  const SyncTable table =
      read_sync(parse_toml("preset = 'sparsyfed'\nbeta = 1.5", "test", mistakes), mistakes);
  EXPECT_EQ(training_of(table).objective.name, "sparsyfed");
  EXPECT_EQ(training_of(table).objective.options.find("beta")->number(), 1.5);
  const Channel x = only_channel("preset = 'sparsyfed'\nkeep = 0.25");
  EXPECT_EQ(x.up.name, "topk(0.25, scope=layer)|fp32");
  EXPECT_EQ(x.feedback.name, "none");
}

TEST(SparsyFedPreset, MovesNoMoreValuesOfATensorThanWereSent) {
  const BindOptions alone{1, 5, {}, {}};
  const auto start = x_after("preset = 'none'", 0, kOneMoment, alone);
  const auto x = x_after("preset = 'sparsyfed'\nperiod = 4\nkeep = 0.25", 4, kOneMoment, alone);
  const Layout layout = toy_layout();
  for (const Tensor& tensor : layout.tensors()) {
    int64_t moved = 0;
    for (int64_t i = tensor.begin; i < tensor.begin + tensor.count; ++i)
      moved += x[static_cast<size_t>(i)] != start[static_cast<size_t>(i)] ? 1 : 0;
    EXPECT_EQ(moved, (tensor.count + 3) / 4) << tensor.name;
  }
}

}  // namespace
}  // namespace causeway

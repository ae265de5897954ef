// SPDX-License-Identifier: Apache-2.0
//
// A model of bytes small enough for tests: 32 channels, 2 heads, context 16.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "model/model.h"
#include "tensor/arena.h"

namespace causeway {

struct TestModel {
  std::unique_ptr<Model> model;
  std::unique_ptr<Arena> x;
};

/// `scale` multiplies the first weights: above 1 the logits are sharper.
inline TestModel make_test_model(int64_t layers, double scale) {
  Value sizes;
  sizes.set("layers", layers);
  sizes.set("width", 32);
  sizes.set("heads", 2);
  sizes.set("context", 16);
  Mistakes mistakes;
  TestModel out;
  out.model = make_plugin(models(), "model", {"llama", sizes}, mistakes);
  EXPECT_TRUE(mistakes.empty()) << mistakes.text();
  out.x = std::make_unique<Arena>(std::make_shared<const Placement>(out.model->layout()));
  out.model->initialise(5, *out.x);
  out.x->flat().mul_(scale);
  return out;
}

}  // namespace causeway

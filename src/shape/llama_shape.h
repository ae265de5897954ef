// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "shape/llama_options.h"
#include "shape/shape.h"

namespace causeway {

class LlamaShape final : public ModelShape {
 public:
  using Options = LlamaOptions;

  explicit LlamaShape(const Options& options)
      : options_(options.resolved()), layout_(llama_layout(options_)) {}

  const LlamaOptions& options() const { return options_; }  ///< resolved
  const Layout& layout() const override { return layout_; }
  int64_t vocabulary() const override { return options_.vocabulary; }
  int64_t context() const override { return options_.context; }
  void initialise(uint64_t seed, size_t index, std::span<float> values) const override;
  std::string config_json() const override { return llama_config_json(options_); }

 private:
  const LlamaOptions options_;
  const Layout layout_;
};

}  // namespace causeway

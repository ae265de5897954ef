// SPDX-License-Identifier: Apache-2.0
//
// What a model is, apart from how it is computed: its tensors, their first values, its sizes. All
// that a hub needs to know of one; model/model.h computes it.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/plugin.h"
#include "sync/layout.h"

namespace causeway {

/// Immutable; thread-safe.
class ModelShape {
 public:
  virtual ~ModelShape() = default;

  virtual const Layout& layout() const = 0;
  virtual int64_t vocabulary() const = 0;
  virtual int64_t context() const = 0;  ///< longest text that is read at once, in tokens

  /// The initial values of layout().tensors()[tensor], which owns values.size() of them: a pure
  /// function of (seed, tensor, index).
  virtual void initialise(uint64_t seed, size_t tensor, std::span<float> values) const = 0;

  /// Hugging Face's config.json for these sizes.
  virtual std::string config_json() const = 0;
};

/// Every model family, sorted by name: the same names as models().
Entries<ModelShape> shapes();

}  // namespace causeway

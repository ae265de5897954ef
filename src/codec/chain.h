// SPDX-License-Identifier: Apache-2.0
//
// Codecs that are put together: which values are sent, how each is written, and how the bytes are
// packed, in this order, as
//   topk(0.01)|int8|rice     topk(k=64, scope=chunk, chunk=4096)|two_bit     bf16|planes
// docs/codecs.md has every stage. A block of such a chain is
//   indices (indices.h), if there is a selector | values, packed (packer.h) if there is a packer
// where the values are those that are sent, as one block of their codec; nothing if there are none.
#pragma once

#include <memory>

#include "codec/codec.h"
#include "codec/packer.h"
#include "codec/selector.h"

namespace causeway {

/// The codec that `plugin` names: one of codecs() with its options, or a chain, whose stages have
/// theirs in parentheses. The first option that a stage has may be written without its name. A
/// selector or packer alone codes values as fp32. Null with mistakes if there is none.
std::unique_ptr<Codec> make_codec(const Plugin& plugin, Mistakes& mistakes);

/// What a chain consists of. `selector` and `packer` may be null.
struct ChainParts {
  std::unique_ptr<Selector> selector;
  std::unique_ptr<Codec> values;
  IndexCoding indices = IndexCoding::kAuto;
  std::unique_ptr<Packer> packer;
};

/// The chain of these parts; the codec itself if there is nothing else.
std::unique_ptr<Codec> join_chain(ChainParts parts);

}  // namespace causeway

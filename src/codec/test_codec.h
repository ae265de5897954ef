// SPDX-License-Identifier: Apache-2.0
//
// For tests of single codecs.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "codec/codec.h"

namespace causeway {

/// The codec of that name with one option set, if a name of one is given.
template <class T = int64_t>
std::unique_ptr<Codec> codec_with(const std::string& name, const std::string& option = {},
                                  T value = {}) {
  Plugin plugin{name, {}};
  if (!option.empty()) plugin.options.set(option, value);
  Mistakes mistakes;
  auto codec = make_plugin(codecs(), "codec", plugin, mistakes);
  EXPECT_TRUE(mistakes.empty()) << mistakes.text();
  return codec;
}

inline Bytes encoded(const Codec& codec, std::span<const float> values) {
  Bytes bytes;
  codec.encode(values, 1, bytes);
  EXPECT_EQ(std::ssize(bytes), codec.block_bytes_max(std::ssize(values)));
  return bytes;
}

inline std::vector<float> round_trip(const Codec& codec, std::span<const float> values) {
  std::vector<float> out(values.size(), 5.0f);
  EXPECT_TRUE(codec.decode(encoded(codec, values), out).ok());
  return out;
}

}  // namespace causeway

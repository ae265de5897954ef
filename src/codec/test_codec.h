// SPDX-License-Identifier: Apache-2.0
//
// For tests of single codecs.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "codec/chain.h"
#include "codec/signal.h"

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

/// A codec or a chain as a recipe has it.
inline std::unique_ptr<Codec> codec_from(const std::string& text) {
  Mistakes mistakes;
  auto codec = make_codec({text, {}}, mistakes);
  EXPECT_TRUE(mistakes.empty()) << mistakes.text();
  return codec;
}

/// All of a signal through `codec` and back, and the bytes that it took.
inline std::vector<float> through(const Codec& codec, std::span<const float> signal,
                                  const Coding& coding = 1, int64_t* bytes_count = nullptr) {
  const Bytes bytes = encode_signal(codec, signal, coding);
  if (bytes_count != nullptr) *bytes_count = std::ssize(bytes);
  std::vector<float> out(signal.size(), 5.0f);
  const auto result = decode_signal(codec, bytes, out);
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message);
  return out;
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

// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "codec/test_codec.h"
#include "core/random.h"

namespace causeway {
namespace {

using Texts = std::vector<std::string>;

Plugin greco_of(double error, const Texts& codecs) {
  Plugin plugin{"greco", {}};
  plugin.options.set("error", error);
  Value::Array list;
  for (const std::string& one : codecs) list.emplace_back(one);
  plugin.options.set("codecs", std::move(list));
  return plugin;
}

std::unique_ptr<Codec> make_greco(double error, const Texts& codecs,
                                  std::span<const TensorCut> tensors = {}) {
  Mistakes mistakes;
  auto codec = make_codec(greco_of(error, codecs), mistakes);
  EXPECT_TRUE(mistakes.empty()) << mistakes.text();
  codec->fit(tensors);
  return codec;
}

std::string mistakes_of(double error, const Texts& codecs) {
  Mistakes mistakes;
  make_codec(greco_of(error, codecs), mistakes);
  return mistakes.text();
}

/// The bodies of an encoded signal's frames.
std::vector<Bytes> bodies(const Bytes& bytes) {
  std::vector<Bytes> out;
  for (size_t at = 0; at < bytes.size();) {
    uint32_t size;
    std::memcpy(&size, bytes.data() + at, sizeof(size));
    const auto begin = bytes.begin() + static_cast<int64_t>(at) + 8;
    out.emplace_back(begin, begin + size);
    at += 8 + size;
  }
  return out;
}

double squared(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += double{value} * double{value};
  return sum;
}

std::vector<float> difference(std::span<const float> a, std::span<const float> b) {
  std::vector<float> out(a.size());
  for (size_t i = 0; i < a.size(); ++i) out[i] = a[i] - b[i];
  return out;
}

double relative_error(const Codec& codec, std::span<const float> signal, Coding coding = 1) {
  return std::sqrt(squared(difference(signal, through(codec, signal, coding))) / squared(signal));
}

/// Layers of whole blocks and of parts of one, of scales that differ by up to 2^12, some of them
/// with few large values.
struct Layered {
  std::vector<TensorCut> tensors;
  std::vector<float> signal;

  void add(int64_t count, double scale, double power, const Random& random) {
    tensors.push_back({count, count});
    for (int64_t i = 0; i < count; ++i) {
      const double normal = random.normal(signal.size());
      signal.push_back(
          static_cast<float>(scale * std::copysign(std::pow(std::abs(normal), power), normal)));
    }
  }
};

Layered random_layers(uint32_t trial, bool whole_blocks) {
  const Random random(91, Stream::kSample, trial);
  Layered out;
  for (uint64_t layer = 0; layer < 4; ++layer) {
    const uint64_t at = (uint64_t{1} << 40) + 8 * layer;
    const auto blocks = static_cast<int64_t>(1 + random.below(at, 2));
    const auto rest = static_cast<int64_t>(random.below(at + 1, 9000));
    out.add(kBlockValues * blocks + (whole_blocks ? 0 : rest),
            std::exp2(12 * random.uniform(at + 2) - 6), 1 + 4 * random.uniform(at + 3), random);
  }
  return out;
}

const Texts kLadder = {"topk(0.01)|int8", "topk(0.05)|int8", "int8", "fp32"};

// Goal: a signal errs by no more than was asked for, whether or not its tensors are known. Method:
// `fp32` is among the codecs, so that every budget can be kept.
TEST(GrecoCodec, KeepsItsBudget) {
  for (uint32_t trial = 0; trial < 12; ++trial) {
    const Layered layers = random_layers(trial, false);
    for (const double error : {0.0, 0.002, 0.01, 0.1, 0.3, 0.8, 1.0}) {
      const auto fitted = make_greco(error, kLadder, layers.tensors);
      EXPECT_LE(relative_error(*fitted, layers.signal), error * (1 + 1e-9)) << trial;
      const auto plain = make_greco(error, kLadder);
      EXPECT_LE(relative_error(*plain, layers.signal), error * (1 + 1e-9)) << trial;
    }
  }
}

// Goal: never more bytes than one codec for all layers which keeps the budget. Method: each codec
// alone, a byte added for each of its blocks.
TEST(GrecoCodec, SendsNoMoreThanOneCodecForAll) {
  int fewer = 0;
  for (uint32_t trial = 0; trial < 12; ++trial) {
    const Layered layers = random_layers(trial, false);
    for (const double error : {0.01, 0.1, 0.3, 0.8}) {
      int64_t bytes = 0, fewest = std::numeric_limits<int64_t>::max();
      through(*make_greco(error, kLadder, layers.tensors), layers.signal, 1, &bytes);
      for (const std::string& text : kLadder) {
        const auto alone = codec_from(text);
        // The programme knows errors to a step for each layer.
        if (relative_error(*alone, layers.signal) > error * std::sqrt(1 - 4.0 / 4096)) continue;
        int64_t own = 0;
        through(*alone, layers.signal, 1, &own);
        fewest = std::min(fewest, own + block_count(*alone, std::ssize(layers.signal)));
      }
      EXPECT_LE(bytes, fewest) << trial << " at " << error;
      fewer += bytes < fewest ? 1 : 0;
    }
  }
  EXPECT_GT(fewer, 24);
}

/// What each codec alone makes of each layer of whole blocks.
struct AloneCosts {
  std::vector<std::vector<int64_t>> bytes;
  std::vector<std::vector<double>> squared_errors;

  AloneCosts(const Layered& layers, const Texts& codecs) {
    for (const std::string& text : codecs) {
      const auto codec = codec_from(text);
      codec->fit(layers.tensors);
      const Bytes encoded = encode_signal(*codec, layers.signal, 1);
      const auto got = through(*codec, layers.signal);
      const auto blocks = bodies(encoded);
      auto& sizes = bytes.emplace_back();
      auto& errors = squared_errors.emplace_back();
      size_t block = 0;
      for (const TensorCut& tensor : layers.tensors) {
        const size_t begin = block * kBlockValues, count = static_cast<size_t>(tensor.count);
        errors.push_back(squared(difference(std::span(layers.signal).subspan(begin, count),
                                            std::span(got).subspan(begin, count))));
        sizes.push_back(0);
        for (const size_t end = block + count / kBlockValues; block < end; ++block)
          sizes.back() += 9 + std::ssize(blocks[block]);
      }
    }
  }

  /// The fewest bytes of all choices for four layers within a budget.
  int64_t fewest(double squared_error_max) const {
    const size_t count = bytes.size();
    int64_t best = std::numeric_limits<int64_t>::max();
    for (size_t all = 0; all < count * count * count * count; ++all) {
      int64_t sum = 0;
      double error = 0;
      for (size_t layer = 0, left = all; layer < 4; ++layer, left /= count) {
        sum += bytes[left % count][layer];
        error += squared_errors[left % count][layer];
      }
      if (error <= squared_error_max) best = std::min(best, sum);
    }
    return best;
  }
};

// Goal: the bytes on the wire are the fewest there are. Method: every choice for four layers, from
// what each codec alone sends; the budget known to a step for each layer.
TEST(GrecoCodec, SendsTheFewestBytesOfAllChoices) {
  const Texts codecs = {"topk(0.01)|int8", "topk(0.1, scope=layer)|int8", "nf4", "int8", "fp32"};
  int equal = 0, all = 0;
  for (uint32_t trial = 0; trial < 12; ++trial) {
    const Layered layers = random_layers(trial, true);
    const AloneCosts alone(layers, codecs);
    for (const double error : {0.003, 0.05, 0.1, 0.3, 0.6}) {
      const double budget = error * error * squared(layers.signal);
      int64_t bytes = 0;
      through(*make_greco(error, codecs, layers.tensors), layers.signal, 1, &bytes);
      EXPECT_GE(bytes, alone.fewest(budget * (1 + 1e-9)));
      EXPECT_LE(bytes, alone.fewest(budget * (1 - 4.0 / 4096))) << trial << " at " << error;
      equal += bytes == alone.fewest(budget) ? 1 : 0;
      ++all;
    }
  }
  EXPECT_GE(equal, all * 95 / 100);
}

// Goal: what is easy takes few bytes. Method: a layer of few large values beside a dense one.
TEST(GrecoCodec, SendsFewerBytesOfEasyLayers) {
  Layered layers;
  layers.add(2 * kBlockValues, 1, 1, Random(1, Stream::kSample));
  layers.add(2 * kBlockValues, 0, 1, Random(1, Stream::kSample));
  for (size_t i = 2 * kBlockValues; i < layers.signal.size(); i += 400)
    layers.signal[i] = i % 800 == 0 ? 10.0f : -10.0f;
  const auto greco =
      make_greco(0.1, {"topk(0.01, scope=block)|int8", "int8", "fp32"}, layers.tensors);
  const auto blocks = bodies(encode_signal(*greco, layers.signal, 1));
  ASSERT_EQ(blocks.size(), 4u);
  for (const size_t dense : {0, 1}) EXPECT_EQ(blocks[dense][0], std::byte{1});
  for (const size_t easy : {2, 3}) {
    EXPECT_EQ(blocks[easy][0], std::byte{0});
    EXPECT_LT(blocks[easy].size() * 50, blocks[0].size());
  }
}

TEST(GrecoCodec, TakesTheMostExactWhereNothingIsWithinTheBudget) {
  const Layered layers = random_layers(3, true);
  const auto greco = make_greco(0.001, {"two_bit", "nf4", "e3m0"}, layers.tensors);
  for (const Bytes& block : bodies(encode_signal(*greco, layers.signal, 1)))
    EXPECT_EQ(block[0], std::byte{1});
}

// Goal: seeds, rounds, tensors and surveys reach the codec that is taken. Method: a list of one,
// against that codec alone.
TEST(GrecoCodec, PassesOnAllThatItsCodecsNeed) {
  Layered layers;
  for (const int64_t count : {20'000, 300, 40'000})
    layers.add(count, static_cast<double>(count), 2, Random(5, Stream::kSample));
  const std::vector<TensorCut> tensors = {{20'000, 100}, {300, 300}, {40'000, 200}};
  Coding coding = 77;
  coding.round = 2;
  coding.begin = 5;
  for (const char* text :
       {"randk(0.1)|fp32", "int8(rounding=stochastic)", "topk(0.02)|int8", "lowrank(2)",
        "topk(0.02, scope=layer)|int8", "topk(0.01, warmup=5)|fp32",
        "topk(k=9, scope=chunk, chunk=100)|two_bit"}) {
    const auto alone = codec_from(text);
    alone->fit(tensors);
    const auto greco = make_greco(0.3, {text}, tensors);
    EXPECT_EQ(greco->block_values(), alone->block_values());
    auto wanted = bodies(encode_signal(*alone, layers.signal, coding));
    for (Bytes& one : wanted) one.insert(one.begin(), std::byte{0});
    EXPECT_EQ(bodies(encode_signal(*greco, layers.signal, coding)), wanted) << text;
    EXPECT_EQ(through(*greco, layers.signal, coding), through(*alone, layers.signal, coding));
  }
}

// What is chosen does not depend on where the signal begins within a greater one.
TEST(GrecoCodec, ChoosesAlikeWhereverASignalBegins) {
  Layered layers;
  for (const double scale : {1.0, 1e-3}) layers.add(30'000, scale, 1, Random(6, Stream::kSample));
  const auto greco = make_greco(0.05, {"sign", "int8"}, layers.tensors);
  const auto wanted = bodies(encode_signal(*greco, layers.signal, 1));
  EXPECT_NE(wanted.front()[0], wanted.back()[0]);
  Coding coding = 1;
  for (coding.begin = 1; coding.begin < 1'000'000; coding.begin *= 7)
    EXPECT_EQ(bodies(encode_signal(*greco, layers.signal, coding)), wanted) << coding.begin;
}

TEST(GrecoCodec, GivesTheSameBytesAgain) {
  const Layered layers = random_layers(7, false);
  const Texts codecs = {"randk(0.2)|bf16", "topk(0.05)|int8(rounding=stochastic)", "int8"};
  const auto once = encode_signal(*make_greco(0.4, codecs, layers.tensors), layers.signal, 5);
  EXPECT_EQ(encode_signal(*make_greco(0.4, codecs, layers.tensors), layers.signal, 5), once);
}

// Blocks that begin in the same tensor have one codec; more than 256 of these are put together.
TEST(GrecoCodec, ChoosesForTensorsAndForAtMost256Units) {
  Layered layers;
  const Random random(8, Stream::kSample);
  for (int i = 0; i < 20; ++i) layers.add(2 * kBlockValues, i % 2 == 0 ? 1 : 1e-3, 1, random);
  const Texts codecs = {"sign", "int8"};
  const auto fitted =
      bodies(encode_signal(*make_greco(0.05, codecs, layers.tensors), layers.signal, 1));
  for (size_t i = 0; i < fitted.size(); ++i)
    EXPECT_EQ(fitted[i][0], std::byte(i / 2 % 2 == 0 ? 1 : 0)) << i;

  Layered many;
  for (int i = 0; i < 300; ++i) many.add(kBlockValues, i % 4 == 0 ? 1 : 1e-3, 1, random);
  const auto pairs = bodies(encode_signal(*make_greco(0.05, codecs, many.tensors), many.signal, 1));
  std::set<std::byte> seen;
  for (size_t i = 0; i < pairs.size(); i += 2) {
    EXPECT_EQ(pairs[i][0], pairs[i + 1][0]) << i;
    EXPECT_EQ(pairs[i][0], std::byte(i % 4 == 0 ? 1 : 0)) << i;
    seen.insert(pairs[i][0]);
  }
  EXPECT_EQ(seen.size(), 2u);
}

TEST(GrecoCodec, RefusesHostileBytes) {
  const auto greco = make_greco(0.3, {"bf16", "fp32"});
  const std::vector<float> values = {1, 2, 3};
  const auto block = bodies(encode_signal(*greco, values, 1)).at(0);
  std::vector<float> out(3);
  ASSERT_EQ(block[0], std::byte{0});
  ASSERT_TRUE(greco->decode(block, out).ok());
  EXPECT_EQ(out, values);
  for (const int choice : {1, 2, 255}) {
    Bytes bad = block;
    bad[0] = static_cast<std::byte>(choice);
    const auto result = greco->decode(bad, out);
    ASSERT_FALSE(result.ok()) << choice;
    EXPECT_EQ(result.error().fault, Fault::kCorrupt);
  }
  EXPECT_FALSE(greco->decode({}, out).ok());
  EXPECT_FALSE(greco->decode(Bytes(1), out).ok());
}

TEST(GrecoCodec, ExpectsTheMiddleOfItsList) {
  const auto greco = make_greco(0.3, {"fp32", "sign", "int8"});
  EXPECT_EQ(greco->block_bytes_max(4096), 1 + 4 * 4096);
  EXPECT_EQ(greco->block_bytes_likely(4096), 1 + 4 + 4096);
}

TEST(GrecoCodec, TellsWhatIsWrongWithItsList) {
  EXPECT_EQ(mistakes_of(0.3, {}), "`codecs` has 0 entries; wanted: 1 to 255\n");
  EXPECT_EQ(mistakes_of(0.3, Texts(256, "int8")), "`codecs` has 256 entries; wanted: 1 to 255\n");
  EXPECT_EQ(mistakes_of(0.3, Texts(255, "int8")), "");
  EXPECT_EQ(mistakes_of(1.5, {"int8"}), "`error` is 1.5; wanted: 0 to 1\n");
  EXPECT_NE(mistakes_of(0.3, {"int8", "topk(0.01)|int9"}).find("did you mean `int8`"),
            std::string::npos);
  for (const char* text : {"greco", "greco(0.1)", "greco|zstd"})
    EXPECT_EQ(mistakes_of(0.3, {"int8", text}),
              fmt::format("`codecs` has `{}`, which chooses among codecs itself; wanted: others "
                          "than `greco`\n",
                          text));
}

TEST(GrecoCodec, FollowsNoSelector) {
  Mistakes mistakes;
  EXPECT_EQ(make_codec({"topk(0.1)|greco", {}}, mistakes), nullptr);
  EXPECT_EQ(mistakes.text(),
            "codec `topk(0.1)|greco`: `greco` must see the whole signal, and `topk` sends a part "
            "of it; wanted: `greco` without a selector\n");
}

}  // namespace
}  // namespace causeway

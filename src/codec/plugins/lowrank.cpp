// SPDX-License-Identifier: Apache-2.0
//
// A block as a matrix M of low rank: M is written as P Q', P with orthonormal columns (the factors
// of PowerSGD: Vogels and others, arXiv:1905.13727, but per block, without a start from the round
// before, and with more than one step):
//   Q <- a fixed start; `steps` times: P <- orthonormal(M Q), Q <- M' P.
// Columns that Gram and Schmidt leave nothing of become 0. P spans nearly the leading singular
// vectors where the values fall off.
//
// The matrix has the block's values in rows of `columns`; what is missing from the last row is 0.
// If the signal's tensors are known, a block within a matrix has the greatest divisor of its
// columns from 64 to 256, so that rows begin alike; else there are 128 columns of a whole block,
// and ceil(sqrt(n)) of a shorter one.
//
// The encoding of n values, with rank r = min(rank, rows, columns), is
//   u16 columns | float32 scale | P, column by column | Q, the same
// where scale = max |value| and the factors are those of M / scale, as float32 or bfloat16. A value
// is scale * the sum over the columns of P times Q, in doubles and in order, within [-1, 1]; what
// is below the smallest normal float is 0.
#include <algorithm>
#include <cmath>
#include <vector>

#include "codec/codec.h"
#include "codec/draws.h"
#include "codec/finite.h"
#include "core/bf16.h"

namespace causeway {
namespace {

enum class Factor : uint8_t { kFp32, kBf16 };

constexpr size_t kColumnsMin = 64, kColumnsMax = 256, kTileColumns = 128;
constexpr float kFactorMin = std::numeric_limits<float>::min();

/// The shape of a block as a matrix.
struct Tile {
  size_t columns = 1, rows = 1, rank = 1;

  Tile(size_t values, size_t wanted_columns, int64_t wanted_rank)
      : columns(wanted_columns),
        rows((values + columns - 1) / columns),
        rank(std::min({static_cast<size_t>(wanted_rank), rows, columns})) {}
  size_t factor_values() const { return rank * (rows + columns); }
};

size_t default_columns(size_t values) {
  if (values == kBlockValues) return kTileColumns;
  const auto root = static_cast<size_t>(std::sqrt(static_cast<double>(values)));
  return root * root < values ? root + 1 : root;
}

double dot(const double* a, const double* b, size_t size) {
  double sum = 0;
  for (size_t i = 0; i < size; ++i) sum += a[i] * b[i];
  return sum;
}

void orthonormalise(std::vector<std::vector<double>>& vectors) {
  for (size_t k = 0; k < vectors.size(); ++k) {
    std::vector<double>& one = vectors[k];
    const double before = std::sqrt(dot(one.data(), one.data(), one.size()));
    // Twice, as what is left after the first time is not quite orthogonal.
    for (int time = 0; time < 2; ++time)
      for (size_t j = 0; j < k; ++j) {
        const double along = dot(vectors[j].data(), one.data(), one.size());
        for (size_t i = 0; i < one.size(); ++i) one[i] -= along * vectors[j][i];
      }
    const double norm = std::sqrt(dot(one.data(), one.data(), one.size()));
    const double inverse = norm > 1e-10 * before ? 1 / norm : 0;
    for (double& value : one) value *= inverse;
  }
}

/// The factors of a matrix, as they are computed.
class Factors {
 public:
  Factors(const std::vector<double>& matrix, const Tile& tile)
      : matrix_(matrix),
        tile_(tile),
        left_(tile.rank, std::vector<double>(tile.rows)),
        right_(tile.rank, std::vector<double>(tile.columns)) {
    const Random random = draws(0, Draw::kTile);
    for (size_t k = 0; k < tile.rank; ++k)
      for (size_t j = 0; j < tile.columns; ++j)
        right_[k][j] = 2 * random.uniform(k * tile.columns + j) - 1;
  }

  void step() {
    for (size_t k = 0; k < tile_.rank; ++k)
      for (size_t i = 0; i < tile_.rows; ++i)
        left_[k][i] = dot(row(i), right_[k].data(), tile_.columns);
    orthonormalise(left_);
    for (size_t k = 0; k < tile_.rank; ++k) {
      std::fill(right_[k].begin(), right_[k].end(), 0);
      for (size_t i = 0; i < tile_.rows; ++i)
        for (size_t j = 0; j < tile_.columns; ++j) right_[k][j] += left_[k][i] * row(i)[j];
    }
  }

  /// P, then Q, column by column.
  template <class Use>
  void each(const Use& use) const {
    for (const auto* side : {&left_, &right_})
      for (const auto& column : *side)
        for (const double value : column) use(static_cast<float>(value));
  }

 private:
  const double* row(size_t index) const { return matrix_.data() + index * tile_.columns; }

  const std::vector<double>& matrix_;
  const Tile& tile_;
  std::vector<std::vector<double>> left_, right_;
};

class LowRank final : public Codec {
 public:
  struct Options {
    int64_t rank = 4;
    Factor factors = Factor::kFp32;
    int64_t steps = 2;
    template <class Visit>
    void each(Visit&& visit) {
      visit("rank", rank, Range<int64_t>{1, 64}, "", "Rank of what a block becomes.");
      visit("factors", factors, Choices<Factor>{{{"fp32", Factor::kFp32}, {"bf16", Factor::kBf16}}},
            "", "How the numbers of its factors are written.");
      visit("steps", steps, Range<int64_t>{1, 20}, "",
            "Steps towards the best factors: the more, the nearer and the slower.");
    }
  };
  explicit LowRank(const Options& options) : options_(options) {}

  void fit(std::span<const TensorCut> tensors) override {
    int64_t end = 0;
    for (const TensorCut& tensor : tensors) {
      end += tensor.count;
      const bool matrix = tensor.columns > 0 && tensor.columns < tensor.count;
      pieces_.push_back({end, matrix ? columns_within(static_cast<size_t>(tensor.columns)) : 0});
    }
  }

  void encode(std::span<const float> block, const Coding& coding, Bytes& bytes) const override {
    check_block(block);
    const Tile tile(block.size(), columns_at(coding.begin, block.size()), options_.rank);
    const auto most = std::bit_cast<float>(absmax_bits(block));
    const float scale = most >= kFactorMin ? most : 0;
    ByteWriter writer(bytes);
    writer.put(static_cast<uint16_t>(tile.columns));
    writer.put(scale);
    std::vector<double> matrix(tile.rows * tile.columns);
    if (scale > 0)
      for (size_t i = 0; i < block.size(); ++i) matrix[i] = double{block[i]} / double{scale};
    Factors factors(matrix, tile);
    for (int64_t step = 0; step < options_.steps; ++step) factors.step();
    factors.each(
        [&](float value) { put_factor(std::abs(value) < kFactorMin ? 0 : value, writer); });
  }

  Result<void> decode(ByteSpan bytes, std::span<float> block) const override {
    ByteReader reader(bytes);
    CW_ASSIGN(const uint16_t columns, reader.get<uint16_t>());
    CW_ASSIGN(const float scale, reader.get<float>());
    if (columns == 0 || columns > block.size())
      return failure(Fault::kCorrupt, "lowrank: got {} columns; wanted: 1 to {}", columns,
                     block.size());
    if (std::bit_cast<uint32_t>(scale) != 0 &&
        !(scale >= kFactorMin && scale <= std::numeric_limits<float>::max()))
      return failure(Fault::kCorrupt, "lowrank: got the scale {}; wanted: 0, or {} or more", scale,
                     kFactorMin);
    const Tile tile(block.size(), columns, options_.rank);
    CW_TRY(want_bytes("lowrank", bytes, kHead + width() * tile.factor_values()));
    std::vector<float> factors(tile.factor_values());
    for (size_t i = 0; i < factors.size(); ++i) {
      factors[i] = factor_at(bytes.data() + kHead + i * width());
      const auto bits = std::bit_cast<uint32_t>(factors[i]) & 0x7fffffff;
      if (bits >= kInfinityBits || (bits > 0 && bits < std::bit_cast<uint32_t>(kFactorMin)))
        return failure(Fault::kCorrupt, "lowrank: factor {} is {}; wanted: normal or 0", i,
                       factors[i]);
    }
    multiply(factors, tile, scale, block);
    return {};
  }

  int64_t block_bytes_max(int64_t count) const override {
    if (count == 0) return 0;
    const auto values = static_cast<size_t>(count);
    size_t most = Tile(values, default_columns(values), options_.rank).factor_values();
    if (values >= kFittedMin)
      for (const Piece& piece : pieces_)
        if (piece.columns > 0)
          most = std::max(most, Tile(values, piece.columns, options_.rank).factor_values());
    return static_cast<int64_t>(kHead + width() * most);
  }

 private:
  static constexpr size_t kHead = sizeof(uint16_t) + sizeof(float);
  static constexpr size_t kFittedMin = kColumnsMax * 16;  // shorter blocks have few rows

  /// A tensor of the signal: where it ends, and the columns of blocks within it, or 0.
  struct Piece {
    int64_t end = 0;
    size_t columns = 0;
  };

  static size_t columns_within(size_t tensor_columns) {
    for (size_t columns = kColumnsMax; columns >= kColumnsMin; --columns)
      if (tensor_columns % columns == 0) return columns;
    return 0;
  }

  size_t columns_at(int64_t begin, size_t values) const {
    const auto at = std::upper_bound(pieces_.begin(), pieces_.end(), begin,
                                     [](int64_t i, const Piece& piece) { return i < piece.end; });
    const bool fitted = at != pieces_.end() && at->columns > 0 && values >= kFittedMin;
    return fitted ? at->columns : default_columns(values);
  }

  size_t width() const { return options_.factors == Factor::kFp32 ? 4 : 2; }
  void put_factor(float value, ByteWriter& writer) const {
    if (options_.factors == Factor::kFp32)
      writer.put(value);
    else
      writer.put(Bf16(value).bits);
  }
  float factor_at(const std::byte* from) const {
    if (options_.factors == Factor::kFp32) {
      float value;
      std::memcpy(&value, from, sizeof(value));
      return value;
    }
    Bf16 value;
    std::memcpy(&value.bits, from, sizeof(value.bits));
    return static_cast<float>(value);
  }

  // Products of floats and their sums are far from the ends of doubles.
  static void multiply(std::span<const float> factors, const Tile& tile, float scale,
                       std::span<float> block) {
    const float* left = factors.data();
    const float* right = left + tile.rank * tile.rows;
    std::vector<double> sums(tile.columns);
    for (size_t i = 0; i * tile.columns < block.size(); ++i) {
      std::fill(sums.begin(), sums.end(), 0);
      for (size_t k = 0; k < tile.rank; ++k)
        for (size_t j = 0; j < tile.columns; ++j)
          sums[j] += double{left[k * tile.rows + i]} * double{right[k * tile.columns + j]};
      const size_t start = i * tile.columns;
      const size_t size = std::min(tile.columns, block.size() - start);
      for (size_t j = 0; j < size; ++j) {
        const double value = std::clamp(sums[j], -1.0, 1.0) * double{scale};
        block[start + j] = std::abs(value) < double{kFactorMin} ? 0.0f : static_cast<float>(value);
      }
    }
  }

  Options options_;
  std::vector<Piece> pieces_;
};

}  // namespace

extern const Entry<Codec> codecs_lowrank;
const Entry<Codec> codecs_lowrank =
    entry<Codec, LowRank>("lowrank", "each block as a matrix of low rank, by its two factors");

}  // namespace causeway

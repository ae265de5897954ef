// SPDX-License-Identifier: Apache-2.0
//
// A codec for each layer, out of a list: the fewest bytes for which the whole signal errs by no
// more than a part of its norm (codec/greco.h; Markov and others, "L-GreCo: Layerwise-Adaptive
// Gradient Compression", arXiv:2210.17357).
//
// The survey codes every block with every codec of the list, so a signal costs an encoding and a
// decoding of each beside its own. The paper chooses anew every so many steps; a codec keeps
// nothing from one signal to the next, so here the choice is made in every round.
//
// It is made for units: the blocks that begin in the same tensor, or single blocks where the
// tensors are not known. Where these are more than kUnitsMax, neighbours are put together, equally
// many in each. So the programme takes kUnitsMax * codecs * kErrorSteps operations and 16 MiB at
// most, however long the signal is.
//
// A codec that surveys sees the whole signal, as it would alone: `topk(0.01)` sends of a unit what
// it has of the largest hundredth of the signal. Where no choice is within the budget, each unit
// has its most exact codec; so the budget is kept whenever the list can keep it.
//
// The encoding of a block is
//   u8 index in the list | the block as that codec encodes it
#include "codec/greco.h"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "codec/chain.h"
#include "codec/finite.h"
#include "codec/notation.h"
#include "core/squared_norm.h"

namespace causeway {
namespace {

constexpr size_t kUnitsMax = 256, kCodecsMax = 255;
constexpr int64_t kErrorSteps = 4096;
constexpr std::string_view kGrecoName = "greco";

/// Blocks that have the same codec.
struct CodecUnit {
  int64_t end = 0;  ///< index in the signal after their last value
  int64_t choice = 0;
};

/// A codec's own survey, within the bytes of all.
struct SurveyPart {
  uint64_t begin = 0;
  uint64_t size = 0;
};

/// What is known of a signal before its first block is coded:
///   u64 number of units | CodecUnit of each | SurveyPart of each codec | the codecs' surveys
class GrecoSurvey {
 public:
  static Bytes write(std::span<const CodecUnit> units, std::span<const Bytes> surveys) {
    Bytes bytes;
    ByteWriter writer(bytes);
    writer.put(uint64_t{units.size()});
    writer.put(std::as_bytes(units));
    SurveyPart part;
    for (const Bytes& one : surveys) {
      part.size = one.size();
      writer.put(std::as_bytes(std::span(&part, 1)));
      part.begin += part.size;
    }
    for (const Bytes& one : surveys) writer.put(one);
    return bytes;
  }

  GrecoSurvey(ByteSpan bytes, size_t codecs) : bytes_(bytes) {
    CW_CHECK(bytes.size() >= sizeof(uint64_t), "a block without a survey of its signal");
    units_ = read<uint64_t>(0);
    parts_at_ = sizeof(uint64_t) + units_ * sizeof(CodecUnit);
    surveys_at_ = parts_at_ + codecs * sizeof(SurveyPart);
  }

  size_t choice_at(int64_t begin) const {
    size_t low = 0, high = units_;  // the first unit that ends after `begin`
    while (low < high) {
      const size_t middle = (low + high) / 2;
      if (unit(middle).end > begin)
        high = middle;
      else
        low = middle + 1;
    }
    CW_CHECK(low < units_, "a block after the end of its signal");
    return static_cast<size_t>(unit(low).choice);
  }
  ByteSpan survey_of(size_t codec) const {
    const auto part = read<SurveyPart>(parts_at_ + codec * sizeof(SurveyPart));
    return bytes_.subspan(surveys_at_ + part.begin, part.size);
  }

 private:
  template <class T>
  T read(size_t at) const {
    T out;
    std::memcpy(&out, bytes_.data() + at, sizeof(out));
    return out;
  }
  CodecUnit unit(size_t index) const {
    return read<CodecUnit>(sizeof(uint64_t) + index * sizeof(CodecUnit));
  }

  ByteSpan bytes_;
  size_t units_ = 0, parts_at_ = 0, surveys_at_ = 0;
};

std::vector<size_t> most_exact(const LayerCosts& costs) {
  std::vector<size_t> choices;
  for (const auto& row : costs) {
    const auto best = std::ranges::min_element(row, [](const LayerCost& a, const LayerCost& b) {
      return a.squared_error != b.squared_error ? a.squared_error < b.squared_error
                                                : a.bytes < b.bytes;
    });
    choices.push_back(static_cast<size_t>(best - row.begin()));
  }
  return choices;
}

bool holds_greco(const Plugin& plugin) {
  if (!is_chain(plugin.name)) return plugin.name == kGrecoName;
  Mistakes told_elsewhere;
  return std::ranges::any_of(parse_chain(plugin.name, plugin.options.where, told_elsewhere),
                             [](const Stage& stage) { return stage.name == kGrecoName; });
}

class Greco final : public Codec {
 public:
  struct Options {
    double error = 0.3;
    std::vector<Plugin> codecs = {
        {"topk(0.01)|int8", {}}, {"topk(0.05)|int8", {}}, {"nf4", {}}, {"int8", {}}, {"fp32", {}}};
    template <class Visit>
    void each(Visit&& visit) {
      visit("error", error, Range<double>{0, 1}, "",
            "Most that a signal may err by, as a part of its norm.");
      visit("codecs", codecs, Any{}, "",
            "What each layer may be coded with, 1 to 255. With `fp32` every budget can be kept.");
    }
    void check(const Location& where, Mistakes& mistakes) const {
      if (codecs.empty() || codecs.size() > kCodecsMax)
        mistakes.add(where,
                     fmt::format("`codecs` has {} entries; wanted: 1 to 255", codecs.size()));
      for (const Plugin& one : codecs) {
        if (!holds_greco(one))
          make_codec(one, mistakes);
        else
          mistakes.add(one.options.where,
                       fmt::format("`codecs` has `{}`, which chooses among codecs itself; wanted: "
                                   "others than `greco`",
                                   one.name));
      }
    }
  };

  explicit Greco(const Options& options) : error_(options.error) {
    Mistakes mistakes;
    for (const Plugin& one : options.codecs) codecs_.push_back(make_codec(one, mistakes));
    CW_CHECK(mistakes.empty(), "options were checked: {}", mistakes.text());
    for (const auto& codec : codecs_)
      block_values_ = std::min(block_values_, codec->block_values());
  }

  void fit(std::span<const TensorCut> tensors) override {
    for (const auto& codec : codecs_) codec->fit(tensors);
    for (const TensorCut& tensor : tensors)
      tensor_ends_.push_back((tensor_ends_.empty() ? 0 : tensor_ends_.back()) + tensor.count);
  }

  bool surveys() const override { return true; }
  Bytes survey(std::span<const float> signal, const Coding& coding) const override {
    std::vector<Bytes> surveys;
    for (const auto& codec : codecs_)
      surveys.push_back(codec->surveys() ? codec->survey(signal, coding) : Bytes());
    std::vector<CodecUnit> units = units_of(std::ssize(signal));
    const auto choices = choose(signal, coding, units, surveys);
    for (size_t i = 0; i < units.size(); ++i) {
      units[i].choice = static_cast<int64_t>(choices[i]);
      units[i].end += coding.begin;
    }
    return GrecoSurvey::write(units, surveys);
  }

  int64_t block_values() const override { return block_values_; }

  void encode(std::span<const float> block, const Coding& coding, Bytes& bytes) const override {
    check_block_size(block);
    CW_CHECK(std::ssize(block) <= block_values_, "a block of {} values", block.size());
    const GrecoSurvey survey(coding.survey, codecs_.size());
    const size_t choice = survey.choice_at(coding.begin);
    Coding own = coding;
    own.survey = survey.survey_of(choice);
    bytes.push_back(static_cast<std::byte>(choice));
    codecs_[choice]->encode(block, own, bytes);
  }

  Result<void> decode(ByteSpan bytes, std::span<float> block) const override {
    if (bytes.empty())
      return failure(Fault::kCorrupt, "greco: a block without bytes; wanted: which codec it has");
    const auto choice = static_cast<size_t>(bytes.front());
    if (choice >= codecs_.size())
      return failure(Fault::kCorrupt, "greco: a block has codec {}; wanted: below {}", choice,
                     codecs_.size());
    return codecs_[choice]->decode(bytes.subspan(1), block);
  }

  int64_t block_bytes_max(int64_t count) const override {
    int64_t most = 0;
    for (const auto& codec : codecs_) most = std::max(most, codec->block_bytes_max(count));
    return 1 + most;
  }
  // The middle one of the list: which codecs are taken, only the values tell.
  int64_t block_bytes_likely(int64_t count) const override {
    std::vector<int64_t> sizes;
    for (const auto& codec : codecs_) sizes.push_back(codec->block_bytes_likely(count));
    const auto middle = sizes.begin() + (std::ssize(sizes) - 1) / 2;
    std::ranges::nth_element(sizes, middle);
    return 1 + *middle;
  }

 private:
  std::vector<CodecUnit> units_of(int64_t count) const {
    std::vector<CodecUnit> units;
    CW_CHECK(tensor_ends_.empty() || tensor_ends_.back() == count,
             "a signal of {} values; its tensors have {}", count,
             tensor_ends_.empty() ? 0 : tensor_ends_.back());
    auto tensor = tensor_ends_.begin();
    for (int64_t begin = 0; begin < count; begin += block_values_) {
      const bool same = tensor != tensor_ends_.end() && begin < *tensor && !units.empty();
      while (tensor != tensor_ends_.end() && *tensor <= begin) ++tensor;
      if (!same) units.emplace_back();
      units.back().end = std::min(begin + block_values_, count);
    }
    const size_t joined = (units.size() + kUnitsMax - 1) / kUnitsMax;
    if (joined <= 1) return units;
    std::vector<CodecUnit> fewer;
    for (size_t i = 0; i < units.size(); i += joined)
      fewer.push_back(units[std::min(i + joined, units.size()) - 1]);
    return fewer;
  }

  std::vector<size_t> choose(std::span<const float> signal, Coding coding,
                             std::span<const CodecUnit> units,
                             std::span<const Bytes> surveys) const {
    LayerCosts costs(units.size(), std::vector<LayerCost>(codecs_.size()));
    double squared = 0;
    size_t unit = 0, begin = 0;
    while (begin < signal.size()) {
      const auto block = signal.subspan(
          begin, std::min(static_cast<size_t>(block_values_), signal.size() - begin));
      add_costs(block, coding, surveys, costs[unit]);
      squared += squared_norm(block);
      begin += block.size();
      coding.begin += std::ssize(block);
      if (static_cast<int64_t>(begin) == units[unit].end) ++unit;
    }
    return choose_codecs(costs, {error_ * error_ * squared, kErrorSteps})
        .value_or(most_exact(costs));
  }

  void add_costs(std::span<const float> block, Coding coding, std::span<const Bytes> surveys,
                 std::vector<LayerCost>& costs) const {
    std::array<float, kBlockValues> memory;
    const auto decoded = std::span(memory).first(block.size());
    Bytes bytes;
    for (size_t i = 0; i < codecs_.size(); ++i) {
      bytes.clear();
      coding.survey = surveys[i];
      codecs_[i]->encode(block, coding, bytes);
      const auto result = codecs_[i]->decode(bytes, decoded);
      CW_CHECK(result.ok(), "what was encoded does not decode: {}", result.error().message);
      costs[i].bytes += std::ssize(bytes);
      costs[i].squared_error += squared_distance(block, decoded);
    }
  }

  double error_;
  std::vector<std::unique_ptr<Codec>> codecs_;
  int64_t block_values_ = kBlockValues;
  std::vector<int64_t> tensor_ends_;  // in the signal, if they are known
};

}  // namespace

extern const Entry<Codec> codecs_greco;
const Entry<Codec> codecs_greco = entry<Codec, Greco>(
    kGrecoName, "for each layer the one of several codecs, within a budget of error");

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
//
// The k values of largest |value|, exactly: of the whole signal, of each tensor of it, of each
// chunk, or of each block (Aji and Heafield, "Sparse Communication for Distributed Gradient
// Descent", arXiv:1704.05021; chunks: SparseLoCo, arXiv:2508.15706). Of equal magnitudes those of
// lower index are kept; an exact zero is never sent. k is given, or ceil(keep * n) of n values.
//
// Warm-up: in round e < W of a channel the part is keep^((e + 1) / (W + 1)) (Lin and others, "Deep
// Gradient Compression", arXiv:1712.01887, section 3.3, with one exponent per round).
//
// A survey of the signal is one part for each tensor, or for all: where it ends, and its TopCut.
#include <algorithm>
#include <cmath>
#include <vector>

#include "codec/magnitudes.h"
#include "codec/selector.h"

namespace causeway {
namespace {

enum class Scope : uint8_t { kSignal, kLayer, kChunk, kBlock };

/// The cut of the part of a signal that ends before `end`.
struct CutPart {
  int64_t end = 0;
  TopCut cut;
};

class TopKSelector final : public Selector {
 public:
  struct Options {
    double keep = 0.01;
    int64_t k = 0;
    Scope scope = Scope::kSignal;
    int64_t chunk = 4096;
    int64_t warmup = 0;
    template <class Visit>
    void each(Visit&& visit) {
      visit("keep", keep, Range<double>{1e-6, 1}, "",
            "Part of the values of a scope that is sent: the largest, rounded up.");
      visit("k", k, Range<int64_t>{0, int64_t{1} << 31}, "values",
            "How many are sent of each scope, instead of a part; 0: by `keep`.");
      visit("scope", scope,
            Choices<Scope>{{{"signal", Scope::kSignal},
                            {"layer", Scope::kLayer},
                            {"chunk", Scope::kChunk},
                            {"block", Scope::kBlock}}},
            "", "Among which values the largest are looked for.");
      visit("chunk", chunk, Range<int64_t>{1, kBlockValues}, "values",
            "Values of a chunk, for `scope = chunk`; the last may be shorter.");
      visit("warmup", warmup, Range<int64_t>{0, 1'000'000}, "rounds",
            "Rounds in which the part falls from nearly all to `keep`.");
    }
    void check(const Location& where, Mistakes& mistakes) const {
      if (k > 0 && warmup > 0)
        mistakes.add(where, "`warmup` changes `keep`, and `k` stands instead of it; wanted: one");
    }
  };
  explicit TopKSelector(const Options& options) : options_(options) {}

  void fit(std::span<const TensorCut> tensors) override {
    for (const TensorCut& tensor : tensors) {
      total_ += tensor.count;
      ends_.push_back(total_);
    }
  }

  bool surveys() const override { return !in_block(); }

  Bytes survey(std::span<const float> signal, const Coding& coding) const override {
    std::vector<int64_t> ends = {std::ssize(signal)};
    if (options_.scope == Scope::kLayer && !ends_.empty()) {
      CW_CHECK(total_ == std::ssize(signal), "a signal of {} values; its tensors have {}",
               signal.size(), total_);
      ends = ends_;
    }
    Bytes bytes;
    int64_t begin = 0;
    for (const int64_t end : ends) {
      const auto part =
          signal.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
      CutPart found{coding.begin + end, {}};
      if (!part.empty()) found.cut = top_cut(part, wanted(std::ssize(part), coding.round));
      found.cut.ties_end += coding.begin + begin;
      ByteWriter(bytes).put(std::as_bytes(std::span(&found, 1)));
      begin = end;
    }
    return bytes;
  }

  int64_t block_values() const override {
    return options_.scope == Scope::kChunk ? kBlockValues / options_.chunk * options_.chunk
                                           : kBlockValues;
  }
  int64_t run_values() const override {
    return options_.scope == Scope::kChunk ? options_.chunk : 0;
  }

  void select(std::span<const float> block, const Coding& coding,
              Selection& selection) const override {
    if (!in_block()) return select_surveyed(block, coding, selection);
    const auto length = static_cast<size_t>(scope_values());
    for (size_t start = 0; start < block.size(); start += length) {
      const auto part = block.subspan(start, std::min(length, block.size() - start));
      select_cut(part, start, top_cut(part, wanted(std::ssize(part), coding.round)), 0, selection);
    }
  }

  int64_t selected_max(int64_t count) const override {
    if (options_.scope == Scope::kSignal && options_.k > 0) return std::min(count, options_.k);
    return in_block() ? selected_of(count, 0) : count;
  }
  int64_t selected_likely(int64_t count) const override {
    if (in_block()) return selected_of(count, options_.warmup);
    if (options_.k == 0) return wanted(count, options_.warmup);
    if (total_ == 0) return selected_max(count);
    const auto scopes = options_.scope == Scope::kLayer ? std::ssize(ends_) : 1;
    const double part = static_cast<double>(options_.k * scopes) / static_cast<double>(total_);
    return std::min(count, static_cast<int64_t>(std::ceil(part * static_cast<double>(count))));
  }

 private:
  bool in_block() const {
    return options_.scope == Scope::kChunk || options_.scope == Scope::kBlock;
  }
  int64_t scope_values() const {
    return options_.scope == Scope::kChunk ? options_.chunk : kBlockValues;
  }

  int64_t wanted(int64_t count, int64_t round) const {
    if (options_.k > 0) return std::min(options_.k, count);
    double part = options_.keep;
    if (round < options_.warmup)
      part =
          std::pow(part, static_cast<double>(round + 1) / static_cast<double>(options_.warmup + 1));
    const double most = std::ceil(part * static_cast<double>(count));
    return std::clamp(static_cast<int64_t>(most), int64_t{1}, count);
  }
  int64_t selected_of(int64_t count, int64_t round) const {
    const int64_t whole = count / scope_values(), rest = count % scope_values();
    return whole * wanted(scope_values(), round) + (rest > 0 ? wanted(rest, round) : 0);
  }

  static void select_surveyed(std::span<const float> block, const Coding& coding,
                              Selection& selection) {
    const size_t parts = coding.survey.size() / sizeof(CutPart);
    CW_CHECK(parts > 0, "a block without a survey of its signal");
    const auto part_at = [&](size_t index) {
      CutPart part;
      std::memcpy(&part, coding.survey.data() + index * sizeof(CutPart), sizeof(CutPart));
      return part;
    };
    size_t low = 0, high = parts;  // the first part that ends after the block's begin
    while (low < high) {
      const size_t middle = (low + high) / 2;
      if (part_at(middle).end > coding.begin)
        high = middle;
      else
        low = middle + 1;
    }
    size_t done = 0;
    for (; done < block.size(); ++low) {
      CW_CHECK(low < parts, "a block that ends after its signal");
      const CutPart part = part_at(low);
      const int64_t begin = coding.begin + static_cast<int64_t>(done);
      const auto size = static_cast<size_t>(
          std::min(part.end - begin, static_cast<int64_t>(block.size() - done)));
      select_cut(block.subspan(done, size), done, part.cut, begin, selection);
      done += size;
    }
  }

  Options options_;
  std::vector<int64_t> ends_;  // of tensors in the signal, if they are known
  int64_t total_ = 0;
};

}  // namespace

extern const Entry<Selector> selectors_topk;
const Entry<Selector> selectors_topk = entry<Selector, TopKSelector>(
    "topk", "the largest of the signal, of each layer, chunk or block");

}  // namespace causeway

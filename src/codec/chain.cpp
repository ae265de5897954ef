// SPDX-License-Identifier: Apache-2.0
#include "codec/chain.h"

#include <algorithm>
#include <limits>

#include "codec/finite.h"
#include "codec/run_codec.h"

namespace causeway {
namespace {

/// How many values are sent of each run of `run` values, runs without any left out.
class SentRuns {
 public:
  SentRuns(std::span<const uint16_t> indices, size_t run) {
    for (size_t i = 0; i < indices.size();) {
      const size_t end = (indices[i] / run + 1) * run, start = i;
      while (i < indices.size() && indices[i] < end) ++i;
      lengths_[count_++] = static_cast<uint16_t>(i - start);
    }
  }
  RunLengths view() const { return std::span(lengths_).first(count_); }

 private:
  std::array<uint16_t, kBlockValues> lengths_;
  size_t count_ = 0;
};

class Chain final : public Codec {
 public:
  explicit Chain(ChainParts parts) : parts_(std::move(parts)) {
    width_ = parts_.values->joins() ? static_cast<size_t>(parts_.values->block_bytes_max(1)) : 0;
    if (parts_.selector == nullptr) return;
    run_ = parts_.selector->run_values();
    if (run_ > 0) runs_codec_ = dynamic_cast<const RunCodec*>(parts_.values.get());
  }

  void fit(std::span<const TensorCut> tensors) override {
    // A codec of what is sent sees no tensors.
    if (parts_.selector != nullptr) return parts_.selector->fit(tensors);
    parts_.values->fit(tensors);
  }
  bool surveys() const override {
    return parts_.selector != nullptr ? parts_.selector->surveys() : parts_.values->surveys();
  }
  Bytes survey(std::span<const float> signal, const Coding& coding) const override {
    return parts_.selector != nullptr ? parts_.selector->survey(signal, coding)
                                      : parts_.values->survey(signal, coding);
  }

  int64_t block_values() const override {
    if (parts_.selector == nullptr) return parts_.values->block_values();
    const int64_t most = std::min(parts_.selector->block_values(), parts_.values->block_values());
    return run_ > 0 ? most / run_ * run_ : most;
  }

  void encode(std::span<const float> block, const Coding& coding, Bytes& bytes) const override {
    check_block(block);
    if (parts_.selector == nullptr) return encode_values(block, {}, coding, bytes);
    CW_CHECK(std::ssize(block) <= block_values(), "a block of {} values", block.size());
    Selection selection;
    parts_.selector->select(block, coding, selection);
    write_indices(selection, block.size(), parts_.indices, bytes);
    if (selection.count == 0) return;
    std::array<float, kBlockValues> sent;
    for (size_t i = 0; i < selection.count; ++i) sent[i] = block[selection.indices[i]];
    scale_up(std::span(sent).first(selection.count), selection.gain);
    Coding of_values = coding;
    of_values.survey = {};
    encode_values(std::span(sent).first(selection.count), selection.view(), of_values, bytes);
  }

  Result<void> decode(ByteSpan bytes, std::span<float> block) const override {
    CW_CHECK(std::ssize(block) <= kBlockValues, "a block of {} values", block.size());
    if (parts_.selector == nullptr) return decode_values(bytes, {}, block);
    Selection selection;
    CW_ASSIGN(const size_t size, read_indices(bytes, block.size(), selection));
    std::fill(block.begin(), block.end(), 0.0f);
    bytes = bytes.subspan(size);
    if (selection.count == 0) return want_bytes("a chain without values", bytes, 0);
    std::array<float, kBlockValues> sent;
    CW_TRY(decode_values(bytes, selection.view(), std::span(sent).first(selection.count)));
    for (size_t i = 0; i < selection.count; ++i) block[selection.indices[i]] = sent[i];
    return {};
  }

  int64_t block_bytes_max(int64_t count) const override {
    if (parts_.selector == nullptr) return packed_max(parts_.values->block_bytes_max(count));
    return bytes_of(count, parts_.selector->selected_max(count));
  }
  int64_t block_bytes_likely(int64_t count) const override {
    if (parts_.selector == nullptr) return packed_max(parts_.values->block_bytes_likely(count));
    return bytes_of(count, parts_.selector->selected_likely(count));
  }
  int64_t head_bytes(int64_t count) const override {
    const bool plain = parts_.selector == nullptr && parts_.packer == nullptr;
    return plain ? parts_.values->head_bytes(count) : 0;
  }

 private:
  int64_t packed_max(int64_t plain) const { return plain + (parts_.packer != nullptr ? 1 : 0); }

  // Of a block of which `sent` values or fewer are sent.
  int64_t bytes_of(int64_t values, int64_t sent) const {
    const int64_t indices =
        parts_.selector->draws() ? kDrawnIndexBytes : index_bytes_max(values, sent, parts_.indices);
    if (sent == 0) return indices;
    if (runs_codec_ == nullptr) return indices + packed_max(parts_.values->block_bytes_max(sent));
    const int64_t runs = std::min(sent, (values + run_ - 1) / run_);
    return indices + packed_max(runs_codec_->runs_bytes(sent, runs));
  }

  static void scale_up(std::span<float> values, float gain) {
    if (gain == 1) return;
    constexpr float kMost = std::numeric_limits<float>::max();
    for (float& value : values) value = std::clamp(value * gain, -kMost, kMost);
  }

  // `indices` are those of the values, if there is a selector.
  void encode_plain(std::span<const float> values, std::span<const uint16_t> indices,
                    const Coding& coding, Bytes& bytes) const {
    if (runs_codec_ == nullptr) return parts_.values->encode(values, coding, bytes);
    runs_codec_->encode_runs(values, SentRuns(indices, static_cast<size_t>(run_)).view(), bytes);
  }
  void encode_values(std::span<const float> values, std::span<const uint16_t> indices,
                     const Coding& coding, Bytes& bytes) const {
    if (parts_.packer == nullptr) return encode_plain(values, indices, coding, bytes);
    Bytes plain;
    encode_plain(values, indices, coding, plain);
    append_packed(*parts_.packer, plain, form(values.size(), indices), bytes);
  }

  Result<void> decode_plain(ByteSpan bytes, std::span<const uint16_t> indices,
                            std::span<float> values) const {
    if (runs_codec_ == nullptr) return parts_.values->decode(bytes, values);
    const SentRuns runs(indices, static_cast<size_t>(run_));
    return runs_codec_->decode_runs(bytes, runs.view(), values);
  }
  Result<void> decode_values(ByteSpan bytes, std::span<const uint16_t> indices,
                             std::span<float> values) const {
    if (parts_.packer == nullptr) return decode_plain(bytes, indices, values);
    Bytes memory;
    CW_ASSIGN(const ByteSpan plain, unpacked(*parts_.packer, bytes, form(values.size(), indices),
                                             plain_max(values.size(), indices), memory));
    return decode_plain(plain, indices, values);
  }

  PlainForm form(size_t count, std::span<const uint16_t> indices) const {
    const auto sent = static_cast<int64_t>(count);
    const int64_t head = runs_codec_ == nullptr
                             ? parts_.values->head_bytes(sent)
                             : runs_codec_->runs_head_bytes(
                                   std::ssize(SentRuns(indices, static_cast<size_t>(run_)).view()));
    return {static_cast<size_t>(head), width_};
  }
  size_t plain_max(size_t count, std::span<const uint16_t> indices) const {
    const auto sent = static_cast<int64_t>(count);
    if (runs_codec_ == nullptr) return static_cast<size_t>(parts_.values->block_bytes_max(sent));
    const SentRuns runs(indices, static_cast<size_t>(run_));
    return static_cast<size_t>(runs_codec_->runs_bytes(sent, std::ssize(runs.view())));
  }

  ChainParts parts_;
  size_t width_ = 0;                      // bytes of each value, if all have the same
  int64_t run_ = 0;                       // values of the selector's runs, if it has any
  const RunCodec* runs_codec_ = nullptr;  // of the values, if it is told these runs
};

}  // namespace

std::unique_ptr<Codec> join_chain(ChainParts parts) {
  CW_CHECK(parts.values != nullptr);
  if (parts.selector == nullptr && parts.packer == nullptr) return std::move(parts.values);
  return std::make_unique<Chain>(std::move(parts));
}

}  // namespace causeway

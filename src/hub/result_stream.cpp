// SPDX-License-Identifier: Apache-2.0
#include "hub/result_stream.h"

#include <algorithm>
#include <utility>

#include "codec/signal.h"
#include "core/heap_bytes.h"
#include "core/memory.h"

namespace causeway {
namespace {

constexpr int64_t kResultCoolBytes = int64_t{8}
                                     << 20;  // of a consensus; of offers as many for each member

}  // namespace

/// One channel. What feeds back is held whole, as its rule is about all of it.
class ResultStream::Lane final : public ConsensusTaker {
 public:
  Lane(ResultStream& stream, int32_t channel)
      : stream_(stream),
        channel_(channel),
        bound_(stream.plan_.channels()[static_cast<size_t>(channel)]),
        feeds_back_(!stream.states_before_[static_cast<size_t>(channel)].entries().empty()),
        seed_(consensus_seed(stream.plan_, stream.round_, channel)) {
    reset();
  }

  void reset() {
    encoder_.emplace(*bound_.down, seed_);
    whole_ = {};
    cooling_ = 0;
  }

  void take(std::span<const float> values) override {
    if (stream_.spoilt_) return;
    CW_CHECK(stream_.current() == channel_, "channel {} is given out of turn", channel_);
    if (feeds_back_) {
      if (whole_.empty()) reserve_large(whole_, static_cast<size_t>(bound_.count));
      whole_.insert(whole_.end(), values.begin(), values.end());
    } else {
      encoded_.clear();
      encoder_->push(values, encoded_);
      stream_.append(encoded_);
    }
    cooling_ += std::ssize(values) * static_cast<int64_t>(sizeof(float));
    if (cooling_ < kResultCoolBytes) return;
    cooling_ = 0;
    stream_.spool_.cool();
  }
  void begin_anew() override { stream_.spoilt_ = true; }

  void end(std::vector<Member> members) {
    if (feeds_back_) {
      const ChannelResult result =
          encode_consensus(stream_.plan_, FoldedKey{stream_.round_}, channel_, members, whole_,
                           stream_.states_[static_cast<size_t>(channel_)]);
      whole_ = {};
      stream_.append(result.bytes.bytes().view());
    } else {
      encoded_.clear();
      encoder_->finish(encoded_);
      stream_.append(encoded_);
    }
    stream_.index_->add(channel_, std::move(members), std::exchange(stream_.channel_bytes_, 0));
    stream_.spool_.cool();
  }

  int64_t memory_bytes() const {
    return static_cast<int64_t>(sizeof(*this)) + heap_bytes(encoded_) + heap_bytes(whole_) +
           encoder_->memory_bytes();
  }

 private:
  ResultStream& stream_;
  const int32_t channel_;
  const BoundChannel& bound_;
  const bool feeds_back_;
  const uint64_t seed_;
  std::optional<SignalEncoder> encoder_;
  Bytes encoded_;
  std::vector<float> whole_;
  int64_t cooling_ = 0;
};

ResultStream::ResultStream(const BoundPlan& plan, int64_t round, const std::vector<States>& states,
                           Spool& spool)
    : plan_(plan), round_(round), states_before_(states), spool_(spool) {}

ResultStream::~ResultStream() = default;

void ResultStream::begin_anew() {
  writer_.reset();
  states_ = states_before_;
  for (auto& [channel, lane] : lanes_) lane->reset();
  index_.emplace(round_);
  buffer_.clear();
  small_.clear();
  bytes_ = channel_bytes_ = 0;
  current_ = 0;
  spoilt_ = false;
  trouble_.reset();
}

ConsensusTaker& ResultStream::taker(int32_t channel) {
  auto& lane = lanes_[channel];
  if (lane == nullptr) lane = std::make_unique<Lane>(*this, channel);
  return *lane;
}

std::optional<int32_t> ResultStream::current() const {
  return current_ < channels_.size() ? std::optional(channels_[current_]) : std::nullopt;
}

void ResultStream::end_channel(std::vector<Member> members) {
  lanes_.at(channels_[current_])->end(std::move(members));
  ++current_;
}

void ResultStream::append(ByteSpan bytes) {
  bytes_ += std::ssize(bytes);
  channel_bytes_ += std::ssize(bytes);
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  if (bytes_ <= kSmallBytes)
    small_.insert(small_.end(), bytes.begin(), bytes.end());
  else
    small_ = {};
  if (std::ssize(buffer_) >= kPieceBytes) flush();
}

/// What fails here is told by finish.
void ResultStream::flush() {
  const auto write = [&]() -> Result<void> {
    if (writer_ == nullptr) {
      int64_t expected = 0;
      for (const int32_t channel : channels_) {
        const BoundChannel& bound = plan_.channels()[static_cast<size_t>(channel)];
        expected += signal_bytes_max(*bound.down, bound.count);
      }
      CW_ASSIGN(writer_, spool_.begin(expected));
      CW_TRY(writer_->append(CommitIndex::head()));
    }
    return writer_->append(buffer_);
  };
  if (!trouble_)
    if (const auto written = write(); !written) trouble_ = written.error();
  buffer_.clear();
}

int64_t ResultStream::memory_bytes() const {
  int64_t bytes = heap_bytes(channels_) + heap_bytes(states_) + heap_bytes(lanes_) +
                  heap_bytes(buffer_) + heap_bytes(small_);
  for (const States& states : states_) bytes += states.memory_bytes();
  for (const auto& [channel, lane] : lanes_) bytes += lane->memory_bytes();
  return bytes;
}

Result<ResultStream::Kept> ResultStream::finish() {
  CW_CHECK(!current() && !spoilt_, "a result that is not whole");
  const Bytes tail = index_->tail();
  buffer_.insert(buffer_.end(), tail.begin(), tail.end());
  flush();
  const auto keep = [&]() -> Result<Kept> {
    if (trouble_) return *trouble_;
    CW_ASSIGN(const BlobId id, writer_->finish());
    writer_.reset();
    Kept kept{{id.digest, spool_.progress(id)->bytes_total}, {}, std::move(states_)};
    ByteSource source = spool_source(spool_, id);
    if (bytes_ <= kSmallBytes) {
      Bytes whole = CommitIndex::head();
      for (const Bytes& part : {small_, tail}) whole.insert(whole.end(), part.begin(), part.end());
      source = std::move(whole);
    }
    CW_ASSIGN(kept.commit, decode_commit(source));
    return kept;
  };
  auto kept = keep();
  if (!kept) begin_anew();
  return kept;
}

}  // namespace causeway

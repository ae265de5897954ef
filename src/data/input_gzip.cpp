// SPDX-License-Identifier: Apache-2.0
#include <zlib.h>

#include <vector>

#include "data/input.h"

namespace causeway {
namespace {

constexpr size_t kReadBytes = size_t{256} << 10;
constexpr int kGzipOnly = 16;  // added to the window's bits: a gzip header is wanted

class GzipInput final : public Input {
 public:
  GzipInput(std::unique_ptr<Input> source, std::string name)
      : source_(std::move(source)), name_(std::move(name)), packed_(kReadBytes) {
    CW_CHECK(::inflateInit2(&stream_, MAX_WBITS + kGzipOnly) == Z_OK, "out of memory");
  }
  ~GzipInput() override { ::inflateEnd(&stream_); }

  Result<size_t> read(std::span<char> out) override {
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    while (stream_.avail_out == out.size()) {
      if (stream_.avail_in == 0) {
        CW_ASSIGN(const size_t got, source_->read(packed_));
        if (got == 0) {
          if (state_ == State::kMember) return damaged("it ends within its data");
          return size_t{0};
        }
        stream_.next_in = reinterpret_cast<Bytef*>(packed_.data());
        stream_.avail_in = static_cast<uInt>(got);
      }
      CW_TRY(go_on());
    }
    return out.size() - stream_.avail_out;
  }
  Result<bool> skip(int64_t count) override { return skip_by_reading(*this, count); }
  int64_t consumed() const override { return source_->consumed(); }

 private:
  /// Between members there may be zeros, with which tapes are filled up.
  enum class State : uint8_t { kMember, kBetween, kZeros };

  Error damaged(std::string_view what) const {
    return failure(Fault::kCorrupt, "{}: damaged gzip data: {}", name_, what);
  }

  /// A step with the bytes at hand, of which there is at least one.
  Result<void> go_on() {
    if (state_ != State::kMember && *stream_.next_in == 0) {
      state_ = State::kZeros;
      ++stream_.next_in;
      --stream_.avail_in;
      return {};
    }
    if (state_ == State::kZeros) return damaged("bytes follow its end");
    if (state_ == State::kBetween) {
      ::inflateReset(&stream_);
      state_ = State::kMember;
    }
    const int code = ::inflate(&stream_, Z_NO_FLUSH);
    if (code == Z_STREAM_END) {
      state_ = State::kBetween;
    } else if (code != Z_OK) {
      return damaged(stream_.msg != nullptr ? stream_.msg : "it cannot be decoded");
    }
    return {};
  }

  const std::unique_ptr<Input> source_;
  const std::string name_;
  std::vector<char> packed_;
  z_stream stream_{};
  State state_ = State::kMember;  // a file without a member is damaged
};

}  // namespace

std::unique_ptr<Input> gzip_input(std::unique_ptr<Input> source, const std::string& name) {
  return std::make_unique<GzipInput>(std::move(source), name);
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#include <zstd.h>
#include <zstd_errors.h>

#include <vector>

#include "data/input.h"

namespace causeway {
namespace {

// 2^27 bytes is what every zstd decoder takes unless it is told to take more.
constexpr int kWindowBitsMax = 27;

class ZstdInput final : public Input {
 public:
  ZstdInput(std::unique_ptr<Input> source, std::string name)
      : source_(std::move(source)),
        name_(std::move(name)),
        packed_(::ZSTD_DStreamInSize()),
        stream_(::ZSTD_createDStream()) {
    CW_CHECK(stream_ != nullptr, "out of memory");
    CW_CHECK(
        !::ZSTD_isError(::ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, kWindowBitsMax)));
  }
  ~ZstdInput() override { ::ZSTD_freeDStream(stream_); }

  Result<size_t> read(std::span<char> out) override {
    ZSTD_outBuffer target{out.data(), out.size(), 0};
    while (target.pos == 0) {
      if (in_.pos == in_.size && !may_have_output_) {
        CW_ASSIGN(const size_t got, source_->read(packed_));
        if (got == 0 && within_frame_) return damaged("it ends within its data");
        if (got == 0) return size_t{0};
        in_ = {packed_.data(), got, 0};
      }
      CW_TRY(go_on(target));
    }
    return target.pos;
  }
  Result<bool> skip(int64_t count) override { return skip_by_reading(*this, count); }
  int64_t consumed() const override { return source_->consumed(); }

 private:
  Error damaged(std::string_view what) const {
    return failure(Fault::kCorrupt, "{}: damaged zstd data: {}", name_, what);
  }

  Result<void> go_on(ZSTD_outBuffer& target) {
    const size_t hint = ::ZSTD_decompressStream(stream_, &target, &in_);
    if (::ZSTD_isError(hint)) {
      if (::ZSTD_getErrorCode(hint) == ZSTD_error_frameParameter_windowTooLarge)
        return damaged(
            "it wants a window of more than 128 MiB; compress it with --long=27 or less");
      return damaged(::ZSTD_getErrorName(hint));
    }
    within_frame_ = hint != 0;
    // A full target may leave decoded bytes in the decoder.
    may_have_output_ = hint != 0 && target.pos == target.size;
    return {};
  }

  const std::unique_ptr<Input> source_;
  const std::string name_;
  std::vector<char> packed_;
  ZSTD_DStream* const stream_;
  ZSTD_inBuffer in_{nullptr, 0, 0};
  bool within_frame_ = true;  // a file without a frame is damaged
  bool may_have_output_ = false;
};

}  // namespace

std::unique_ptr<Input> zstd_input(std::unique_ptr<Input> source, const std::string& name) {
  return std::make_unique<ZstdInput>(std::move(source), name);
}

}  // namespace causeway

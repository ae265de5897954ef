// SPDX-License-Identifier: Apache-2.0
//
// Transfers for tests: they end when a test says so, and in the order that it likes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "net/chunk_transfers.h"

namespace causeway {

class TestTransfers final : public ChunkTransfers {
 public:
  struct PutCall {
    Line line = 0;
    BulkRequest what;
    Read read;
    Put done;
  };
  struct GetCall {
    Line line = 0;
    Referral what;
    Got done;
  };
  /// Asked and not ended, in this order. Those of a line that was dropped are gone.
  std::vector<PutCall> puts;
  std::vector<GetCall> gets;
  std::vector<Digest> forgotten;
  std::vector<Line> dropped;

  void put(Line line, const BulkRequest& what, Read read, Put done) override {
    puts.push_back({line, what, std::move(read), std::move(done)});
  }
  void get(Line line, const Referral& what, Got done) override {
    gets.push_back({line, what, std::move(done)});
  }
  void forget(uint64_t, const Digest& blob) override { forgotten.push_back(blob); }
  void drop(Line line) override {
    dropped.push_back(line);
    std::erase_if(puts, [&](const PutCall& call) { return call.line == line; });
    std::erase_if(gets, [&](const GetCall& call) { return call.line == line; });
  }

  /// The put of the chunk at this offset is done.
  void end_put(int64_t offset) {
    const PutCall call = take(puts, offset, [](const PutCall& one) { return one.what.offset; });
    const auto bytes = call.read();
    call.done(bytes ? Result<ChunkReference>(reference_of(call.what)) : bytes.error());
  }
  void fail_put(int64_t offset, Fault fault = Fault::kIo) {
    const PutCall call = take(puts, offset, [](const PutCall& one) { return one.what.offset; });
    CW_CHECK(call.read().ok());
    call.done(Error{fault, "the store is away"});
  }
  void end_get(int64_t offset, Bytes bytes) {
    const GetCall call = take(gets, offset, at);
    call.done(Chunk{call.what.chunk.blob, offset, std::move(bytes)});
  }
  void fail_get(int64_t offset, Fault fault = Fault::kIo) {
    take(gets, offset, at).done(Error{fault, "the store is away"});
  }
  std::vector<int64_t> put_offsets() const {
    std::vector<int64_t> out;
    for (const PutCall& call : puts) out.push_back(call.what.offset);
    return out;
  }
  std::vector<int64_t> get_offsets() const {
    std::vector<int64_t> out;
    for (const GetCall& call : gets) out.push_back(at(call));
    return out;
  }

  static ChunkReference reference_of(const BulkRequest& what) {
    return {what.blob, what.offset, what.bytes, static_cast<uint32_t>(what.offset), {}};
  }

 private:
  static int64_t at(const GetCall& call) { return call.what.chunk.offset; }
  template <class Call, class Offset>
  static Call take(std::vector<Call>& calls, int64_t offset, Offset offset_of) {
    for (auto call = calls.begin(); call != calls.end(); ++call) {
      if (offset_of(*call) != offset) continue;
      Call out = std::move(*call);
      calls.erase(call);
      return out;
    }
    CW_CHECK(false, "no transfer at {}", offset);
    return {};
  }
};

}  // namespace causeway

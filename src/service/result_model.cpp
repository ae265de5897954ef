// SPDX-License-Identifier: Apache-2.0
#include "service/result_model.h"

#include <algorithm>
#include <filesystem>

#include "codec/signal.h"
#include "core/durable.h"
#include "core/memory.h"
#include "data/safetensors.h"
#include "exchange/commit_blob.h"

namespace causeway {

namespace fs = std::filesystem;

Result<std::vector<float>> closing_parameters(const BoundPlan& plan, const Ledger& ledger,
                                              Spool& spool) {
  const auto closing = std::ranges::find_if(
      plan.channels(), [](const BoundChannel& channel) { return channel.spec.closing; });
  CW_CHECK(closing != plan.channels().end(), "a plan without a closing channel");
  const auto last = ledger.decisions.find(ledger.decided);
  if (last == ledger.decisions.end() || !last->second.committed)
    return failure(Fault::kTooFew, "the run's closing round was aborted: {}",
                   last == ledger.decisions.end() ? "it is not kept" : last->second.reason);
  const BlobId blob{kHubOwner, last->second.result.digest};
  CW_TRY(spool.verify(blob));
  CW_ASSIGN(const Commit commit, decode_commit(spool_source(spool, blob)));
  const auto index = static_cast<int32_t>(closing - plan.channels().begin());
  const auto result = std::ranges::find(commit.results, index, &ChannelResult::channel);
  if (result == commit.results.end())
    return failure(Fault::kCorrupt, "the closing round's result lacks the parameters");
  auto x = large_zeros<float>(static_cast<size_t>(closing->count));
  CW_TRY(decode_blocks(*closing->down, result->bytes, closing->count,
                       [&x](int64_t begin, std::span<const float> values) {
                         std::ranges::copy(values, x.begin() + begin);
                       }));
  return x;
}

Result<void> write_result_model(const std::string& folder, const Recipe& recipe,
                                std::span<const float> x) {
  const std::string aside = folder + ".new";
  std::error_code error;
  fs::remove_all(aside, error);
  if (!fs::create_directories(aside, error))
    return failure(Fault::kIo, "{}: cannot be made: {}", aside, error.message());
  std::vector<TensorToWrite> tensors;
  for (const Tensor& tensor : recipe.shape->layout().tensors())
    if (tensor.alias_of.empty())
      tensors.push_back({tensor.name, DType::kF32, tensor.shape,
                         std::as_bytes(x.subspan(static_cast<size_t>(tensor.begin),
                                                 static_cast<size_t>(tensor.count)))});
  if (auto written = write_safetensors(aside + "/model.safetensors", tensors); !written)
    return written.error();
  CW_TRY(write_file(aside + "/config.json", recipe.shape->config_json()));
  CW_TRY(write_file(aside + "/tokenizer.json", recipe.tokenizer->json()));
  CW_TRY(sync_path(aside));
  fs::remove_all(folder, error);
  fs::rename(aside, folder, error);
  if (error) return failure(Fault::kIo, "{}: cannot be made: {}", folder, error.message());
  return sync_path(fs::path(folder).parent_path().string());
}

}  // namespace causeway

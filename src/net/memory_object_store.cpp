// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <map>
#include <mutex>

#include "net/object_store.h"

namespace causeway {
namespace {

class MemoryObjectStore final : public ObjectStore {
 public:
  Result<void> put(const std::string& key, ByteSpan bytes) override {
    CW_CHECK(std::ssize(bytes) <= kObjectBytesMax, "an object of {} bytes", bytes.size());
    CW_TRY(open(check_object_key(key)));
    const std::lock_guard lock(mutex_);
    objects_[key].assign(bytes.begin(), bytes.end());
    return {};
  }
  Result<Bytes> get(const std::string& key, int64_t bytes_max) override {
    CW_CHECK(bytes_max >= 0 && bytes_max <= kObjectBytesMax, "at most {} bytes", bytes_max);
    CW_TRY(open(check_object_key(key)));
    const std::lock_guard lock(mutex_);
    const auto found = objects_.find(key);
    if (found == objects_.end()) return failure(Fault::kBadInput, "there is no object {}", key);
    if (std::ssize(found->second) > bytes_max)
      return failure(Fault::kCorrupt, "object {} has {} bytes; wanted: at most {}", key,
                     found->second.size(), bytes_max);
    return found->second;
  }
  Result<void> remove(const std::string& key) override {
    CW_TRY(open(check_object_key(key)));
    const std::lock_guard lock(mutex_);
    objects_.erase(key);
    return {};
  }
  Result<std::vector<std::string>> list(const std::string& prefix, int64_t count_max) override {
    CW_TRY(open(check_object_prefix(prefix)));
    const std::lock_guard lock(mutex_);
    std::vector<std::string> out;
    for (auto next = objects_.lower_bound(prefix);
         next != objects_.end() && next->first.starts_with(prefix) && std::ssize(out) < count_max;
         ++next)
      out.push_back(next->first);
    return out;
  }
  Result<std::string> presign(const std::string&, const std::string& key, int64_t,
                              int64_t) const override {
    return failure(Fault::kRefused, "object {} has no address outside this process", key);
  }
  void cancel() override { cancelled_ = true; }

 private:
  Result<void> open(Result<void> checked) const {
    if (cancelled_) return failure(Fault::kIo, "the store is cancelled");
    return checked;
  }

  std::atomic<bool> cancelled_ = false;
  std::mutex mutex_;
  std::map<std::string, Bytes> objects_;
};

}  // namespace

std::unique_ptr<ObjectStore> memory_object_store() { return std::make_unique<MemoryObjectStore>(); }

}  // namespace causeway

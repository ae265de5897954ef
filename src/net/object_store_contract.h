// SPDX-License-Identifier: Apache-2.0
//
// What every ObjectStore must keep, for unit tests over memory and for object_store_example over
// S3.
#pragma once

#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "net/object_store.h"

namespace causeway {

/// Goes through the contract with keys under `contract/`, of which there are none before and after.
class ObjectStoreContract {
 public:
  explicit ObjectStoreContract(ObjectStore& store) : store_(store) {}

  /// What was broken, a line each.
  std::vector<std::string> breaches() {
    check_round_trips();
    check_absent();
    check_bounds();
    check_keys();
    check_list();
    check_threads();
    const std::vector<std::string> keys = store_.list("contract/", 1000).value();
    for (const auto& key : keys) want_ok(store_.remove(key), "remove " + key);
    want(store_.list("contract/", 1000).value().empty(), "removed objects are listed");
    return breaches_;
  }

 private:
  static Bytes bytes_of(size_t count) {
    Bytes bytes(count);
    for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::byte>((i * i) >> 3);
    return bytes;
  }
  void want(bool kept, const std::string& what) {
    if (!kept) breaches_.push_back(what);
  }
  void want_ok(const Result<void>& result, const std::string& what) {
    want(result.ok(), what + (result ? "" : ": " + result.error().message));
  }
  template <class T>
  void want_fault(const Result<T>& result, Fault fault, const std::string& what) {
    want(!result && result.error().fault == fault,
         what + ": got " + (result ? "a success" : result.error().message));
  }

  void check_round_trips() {
    for (const size_t count : {0, 1, 1000, 300'000}) {
      const std::string key = "contract/of-" + std::to_string(count);
      const Bytes bytes = bytes_of(count);
      want_ok(store_.put(key, bytes), "put " + key);
      want_ok(store_.put(key, bytes), "put again " + key);
      const auto got = store_.get(key, static_cast<int64_t>(count));
      want(got && *got == bytes, "get " + key + ": " + (got ? "other bytes" : got.error().message));
    }
  }
  void check_absent() {
    want_fault(store_.get("contract/absent", 10), Fault::kBadInput, "get of no object");
    want_ok(store_.remove("contract/absent"), "remove of no object");
    want_ok(store_.put("contract/gone", bytes_of(3)), "put");
    want_ok(store_.remove("contract/gone"), "remove");
    want_fault(store_.get("contract/gone", 10), Fault::kBadInput, "get of a removed object");
  }
  void check_bounds() {
    want_fault(store_.get("contract/of-1000", 999), Fault::kCorrupt, "get of more than allowed");
    want_fault(store_.get("contract/of-1", 0), Fault::kCorrupt, "get of more than nothing");
    want(store_.list("contract/of-", 2).value().size() == 2, "list with a bound");
    want(store_.list("contract/of-", 0).value().empty(), "list of nothing");
  }
  void check_keys() {
    const std::string odd = "contract/a-b_c.d/E.F..G/0";
    want_ok(store_.put(odd, bytes_of(7)), "put " + odd);
    want(store_.get(odd, 7).ok(), "get " + odd);
    for (const std::string key : {"", "/a", "a/", "a//b", "./a", "a/..", "a b", "a%20b", "\xC3\xA4",
                                  "a?b", "a#b", "a\\b", "a\nb"}) {
      want_fault(store_.put(key, bytes_of(1)), Fault::kBadInput, "put to no key: " + key);
      want_fault(store_.get(key, 1), Fault::kBadInput, "get of no key: " + key);
      want_fault(store_.remove(key), Fault::kBadInput, "remove of no key: " + key);
    }
    want_fault(store_.put(std::string(513, 'a'), bytes_of(1)), Fault::kBadInput, "a long key");
    want_fault(store_.list("contract/ ", 1), Fault::kBadInput, "list of no prefix");
  }
  void check_list() {
    for (const auto* key : {"l/b", "l/a", "l/a.b", "l/a-b", "l/B", "la", "l/a/b"})
      want_ok(store_.put(std::string("contract/") + key, bytes_of(1)), key);
    const std::vector<std::string> all = {"contract/l/B",   "contract/l/a",   "contract/l/a-b",
                                          "contract/l/a.b", "contract/l/a/b", "contract/l/b"};
    want(store_.list("contract/l/", 1000).value() == all, "list is not ascending, or not all");
    want(store_.list("contract/l/a", 1000).value() ==
             std::vector<std::string>(all.begin() + 1, all.end() - 1),
         "list of the beginning of a name");
    want(store_.list("contract/none", 1000).value().empty(), "list of nothing");
  }
  void check_threads() {
    constexpr int kThreads = 6, kObjects = 8;
    std::vector<int> right(kThreads, 0);
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread)
      threads.emplace_back([&, thread] {
        for (int i = 0; i < kObjects; ++i) {
          const std::string key = fmt::format("contract/t/{}-{}", thread, i);
          const Bytes bytes =
              bytes_of(2000 + 100 * static_cast<size_t>(thread) + static_cast<size_t>(i));
          if (!store_.put(key, bytes)) continue;
          const auto got = store_.get(key, std::ssize(bytes));
          right[static_cast<size_t>(thread)] += got && *got == bytes;
        }
      });
    for (auto& thread : threads) thread.join();
    want(std::accumulate(right.begin(), right.end(), 0) == kThreads * kObjects,
         "objects of several threads");
  }

  ObjectStore& store_;
  std::vector<std::string> breaches_;
};

}  // namespace causeway

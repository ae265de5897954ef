// SPDX-License-Identifier: Apache-2.0
//
// object_store_example OPTIONS.toml COMMAND ...: a store by hand, and for tests/python. The file
// has S3Options. A failure prints its fault's number and message, and exits with 10 + the fault.
//   put KEY FILE | get KEY FILE BYTES_MAX | remove KEY | list PREFIX COUNT_MAX
//   fill PREFIX COUNT BYTES                       puts PREFIX0000000, ... with four threads
//   presign METHOD KEY SECONDS NOW_UNIX_S         prints an address
//   put-presigned URL FILE | get-presigned URL FILE BYTES_MAX
//   cancel KEY MS                                 gets; cancels it after so long
//   contract                                      prints what is broken
//   chunks FILE                                   as chunks by reference, to two receivers
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <future>
#include <map>
#include <thread>

#include "core/toml.h"
#include "net/chunk_store.h"
#include "net/object_store_contract.h"
#include "net/s3_presigned.h"

namespace causeway {
namespace {

using Arguments = std::vector<std::string>;

int64_t number(const std::string& text) { return std::stoll(text); }

Bytes read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

void write_file(const std::string& path, const Bytes& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
}

Result<void> save(const Result<Bytes>& got, const std::string& path) {
  if (!got) return got.error();
  write_file(path, *got);
  return {};
}

Result<void> fill(ObjectStore& store, const std::string& prefix, int64_t count,
                  const Bytes& bytes) {
  std::vector<std::thread> threads;
  std::vector<Result<void>> results(4);
  for (int64_t first = 0; first < 4; ++first)
    threads.emplace_back([&, first] {
      for (int64_t i = first; i < count; i += 4)
        if (auto put = store.put(fmt::format("{}{:07}", prefix, i), bytes); !put)
          results[static_cast<size_t>(first)] = put;
    });
  for (auto& thread : threads) thread.join();
  for (const auto& result : results)
    if (!result) return result;
  return {};
}

Result<void> cancel_get(ObjectStore& store, const std::string& key, int64_t ms) {
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(ms));
    store.cancel();
  });
  const auto got = store.get(key, 1000);
  other.join();
  return got ? Result<void>() : got.error();
}

Result<void> print_breaches(ObjectStore& store) {
  for (const auto& breach : ObjectStoreContract(store).breaches())
    std::printf("broken: %s\n", breach.c_str());
  return {};
}

/// The answer of a call of ChunkStore.
template <class T, class Start>
Result<T> wait_for(const Start& start) {
  std::promise<Result<T>> promise;
  CW_CHECK(start([&](Result<T> answer) { promise.set_value(std::move(answer)); }), "full");
  return promise.get_future().get();
}

/// Puts all chunks twice, gets them back, and removes the blob.
Result<void> send_chunks(ObjectStore& store, const Bytes& bytes) {
  constexpr uint64_t kRun = 1;
  const SystemClock clock;
  ChunkStore chunks(store, clock, {});
  const SharedBytes blob(bytes);
  const Digest digest = digest_of(blob.view());
  std::vector<std::future<Result<ChunkReference>>> puts;
  for (int receiver = 0; receiver < 2; ++receiver)
    for (int64_t at = 0; at < blob.size(); at += int64_t{kChunkBytesMax}) {
      const auto promise = std::make_shared<std::promise<Result<ChunkReference>>>();
      const Chunk chunk{digest, at, blob.slice(at, kChunkBytesMax)};
      CW_CHECK(chunks.put(kRun, chunk, [=](auto put) { promise->set_value(std::move(put)); }));
      puts.push_back(promise->get_future());
    }
  Bytes got;
  for (size_t i = 0; i < puts.size(); ++i) {
    CW_ASSIGN(const ChunkReference reference, puts[i].get());
    if (i < puts.size() / 2) continue;
    CW_ASSIGN(const Chunk chunk,
              wait_for<Chunk>([&](auto done) { return chunks.get(kRun, reference, done); }));
    got.insert(got.end(), chunk.bytes.view().begin(), chunk.bytes.view().end());
  }
  CW_ASSIGN(const int64_t removed,
            wait_for<int64_t>([&](auto done) { return chunks.remove_blob(kRun, digest, done); }));
  std::printf("%s, %ld objects\n", got == bytes ? "same" : "other", static_cast<long>(removed));
  return {};
}

Result<void> print_list(ObjectStore& store, const Arguments& a) {
  CW_ASSIGN(const auto keys, store.list(a[0], number(a[1])));
  for (const auto& key : keys) std::printf("%s\n", key.c_str());
  return {};
}

Result<void> print_address(ObjectStore& store, const Arguments& a) {
  CW_ASSIGN(const auto url, store.presign(a[0], a[1], number(a[2]), number(a[3])));
  std::printf("%s\n", url.c_str());
  return {};
}

Result<void> run_presigned(const S3Options& options, const std::string& word, const Arguments& a) {
  CW_ASSIGN(auto objects, open_presigned({.endpoint = options.endpoint,
                                          .authority_file = options.authority_file,
                                          .timeout_ms = options.timeout_ms,
                                          .retries = options.retries}));
  if (word == "put-presigned") return objects->put_presigned(a[0], read_file(a[1]));
  return save(objects->get_presigned(a[0], number(a[2])), a[1]);
}

struct Word {
  size_t arguments;
  std::function<Result<void>(ObjectStore&, const Arguments&)> run;
};

const std::map<std::string, Word>& words() {
  static const std::map<std::string, Word> table = {
      {"put", {2, [](auto& s, auto& a) { return s.put(a[0], read_file(a[1])); }}},
      {"get", {3, [](auto& s, auto& a) { return save(s.get(a[0], number(a[2])), a[1]); }}},
      {"remove", {1, [](auto& s, auto& a) { return s.remove(a[0]); }}},
      {"list", {2, [](auto& s, auto& a) { return print_list(s, a); }}},
      {"fill",
       {3, [](auto& s, auto& a) { return fill(s, a[0], number(a[1]), Bytes(number(a[2]))); }}},
      {"presign", {4, [](auto& s, auto& a) { return print_address(s, a); }}},
      {"cancel", {2, [](auto& s, auto& a) { return cancel_get(s, a[0], number(a[1])); }}},
      {"chunks", {1, [](auto& s, auto& a) { return send_chunks(s, read_file(a[0])); }}},
      {"contract", {0, [](auto& s, auto&) { return print_breaches(s); }}},
      {"put-presigned", {2, {}}},
      {"get-presigned", {3, {}}},
  };
  return table;
}

Result<void> run(const std::string& path, const std::string& word, const Arguments& arguments) {
  Mistakes mistakes;
  S3Options options;
  read_options(parse_toml_file(path, mistakes), options, mistakes);
  const auto found = words().find(word);
  if (found == words().end() || found->second.arguments != arguments.size())
    mistakes.add({}, "wanted: a word and its arguments, as the source says");
  if (!mistakes.empty()) return failure(Fault::kBadInput, "{}", mistakes.text());
  if (!found->second.run) return run_presigned(options, word, arguments);
  CW_ASSIGN(auto store, open_s3(options));
  return found->second.run(*store, arguments);
}

}  // namespace
}  // namespace causeway

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const auto done = causeway::run(argv[1], argv[2], {argv + 3, argv + argc});
  if (done) return 0;
  const int fault = static_cast<int>(done.error().fault);
  std::fprintf(stderr, "fault %d: %s\n", fault, done.error().message.c_str());
  return 10 + fault;
}

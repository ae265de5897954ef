// SPDX-License-Identifier: Apache-2.0
//
// group_example TIMEOUT_MS WORD...: one process of a group, told its place by its launcher. Joins,
// then does what the words say, and prints a JSON line for each:
//
//   sum:COUNT           sums COUNT values, that follow from rank and position, over all processes
//   sum:COUNT:FILE      and writes the sum into FILE.RANK
//   broadcast:BYTES     gives BYTES bytes from rank 0 to all
//   time:COUNT:TIMES    sums COUNT values TIMES times, and says how long each took
//   loop:COUNT          sums COUNT values again and again, until something fails
//   pause:MS            waits
//   sum-if:RANK:COUNT   a mistake: rank RANK alone sums COUNT values, the others one more
//
// Exit status 0: done; 3: something failed, as the last line says.
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "core/hash.h"
#include "site/group.h"

namespace causeway {
namespace {

/// Between -1 and 1, of all magnitudes; tests compute the same in numpy.
float value_at(int64_t position, int32_t rank) {
  const auto mixed = static_cast<uint32_t>(position * 2654435761U + (rank + 1) * 40503U);
  const auto whole = static_cast<float>(static_cast<int32_t>(mixed >> 8) - (1 << 23));
  return whole / static_cast<float>(1 << (23 + mixed % 8));
}

std::vector<std::string> split(std::string_view word) {
  std::vector<std::string> parts;
  while (true) {
    const size_t colon = word.find(':');
    parts.emplace_back(word.substr(0, colon));
    if (colon == word.npos) return parts;
    word.remove_prefix(colon + 1);
  }
}

class Process {
 public:
  explicit Process(std::unique_ptr<SiteGroup> group) : group_(std::move(group)) {}

  Result<void> obey(const std::vector<std::string>& word) {
    const auto number = [&](size_t i) {
      return i < word.size() ? std::strtoll(word[i].c_str(), nullptr, 10) : 0;
    };
    if (word[0] == "sum") return sum(number(1), word.size() > 2 ? word[2] : "");
    if (word[0] == "broadcast") return broadcast(number(1));
    if (word[0] == "time") return time(number(1), number(2));
    if (word[0] == "loop") return loop(number(1));
    if (word[0] == "sum-if") return sum(number(2) + (group_->rank() != number(1)), "");
    if (word[0] != "pause") return failure(Fault::kBadInput, "no word {}", word[0]);
    std::this_thread::sleep_for(std::chrono::milliseconds(number(1)));
    return {};
  }
  /// After a failure the group must be of no use, at once.
  bool serves() const {
    float one = 1;
    return group_->all_reduce({&one, 1}).ok();
  }

 private:
  void fill(std::vector<float>& values) const {
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = value_at(static_cast<int64_t>(i), group_->rank());
  }

  void say(std::string_view word, ByteSpan bytes, double seconds) const {
    fmt::print(
        "{{\"word\": \"{}\", \"rank\": {}, \"bytes\": {}, \"digest\": \"{}\", \"seconds\": "
        "{:.6f}}}\n",
        word, group_->rank(), bytes.size(), digest_of(bytes).hex(), seconds);
    std::fflush(stdout);
  }

  Result<void> sum(int64_t count, const std::string& file) {
    std::vector<float> values(static_cast<size_t>(count));
    fill(values);
    const int64_t start_ns = clock_.now_ns();
    CW_TRY(group_->all_reduce(values));
    const double seconds = static_cast<double>(clock_.now_ns() - start_ns) / 1e9;
    const ByteSpan bytes = std::as_bytes(std::span(values));
    if (!file.empty()) {
      std::ofstream out(fmt::format("{}.{}", file, group_->rank()), std::ios::binary);
      out.write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
    }
    say("sum", bytes, seconds);
    return {};
  }

  Result<void> broadcast(int64_t count) {
    std::vector<float> values(static_cast<size_t>(count) / sizeof(float) + 1);
    fill(values);
    const auto bytes = std::as_writable_bytes(std::span(values)).first(static_cast<size_t>(count));
    const int64_t start_ns = clock_.now_ns();
    CW_TRY(group_->broadcast(bytes));
    say("broadcast", bytes, static_cast<double>(clock_.now_ns() - start_ns) / 1e9);
    return {};
  }

  Result<void> time(int64_t count, int64_t times) {
    for (int64_t i = 0; i < times; ++i) CW_TRY(sum(count, ""));
    return {};
  }

  Result<void> loop(int64_t count) {
    std::vector<float> values(static_cast<size_t>(count));
    for (int64_t turn = 0;; ++turn) {
      fill(values);
      CW_TRY(group_->all_reduce(values));
      if (turn % 10 == 0) say("loop", std::as_bytes(std::span(values)), 0);
    }
  }

  SystemClock clock_;
  std::unique_ptr<SiteGroup> group_;
};

int fail(const Error& error, bool serves, double seconds) {
  std::string message = error.message;
  for (char& c : message)
    if (c == '"' || c == '\\' || c < ' ') c = '\'';
  fmt::print("{{\"fault\": {}, \"message\": \"{}\", \"serves\": {}, \"seconds\": {:.3f}}}\n",
             static_cast<int>(error.fault), message, serves, seconds);
  return 3;
}

int run(const std::vector<std::string>& words) {
  const SystemClock clock;
  const int64_t start_ns = clock.now_ns();
  const auto seconds = [&] { return static_cast<double>(clock.now_ns() - start_ns) / 1e9; };
  const auto place =
      place_from([](const char* name) { return static_cast<const char*>(std::getenv(name)); });
  if (!place) return fail(place.error(), false, seconds());
  auto group = join_group(*place, std::strtoll(words.at(0).c_str(), nullptr, 10));
  if (!group) return fail(group.error(), false, seconds());
  fmt::print(
      "{{\"word\": \"join\", \"rank\": {}, \"size\": {}, \"local_rank\": {}, \"seconds\": "
      "{:.6f}}}\n",
      (*group)->rank(), (*group)->size(), place->local_rank, seconds());
  std::fflush(stdout);
  Process process(std::move(*group));
  for (size_t i = 1; i < words.size(); ++i) {
    const int64_t word_ns = clock.now_ns();
    const auto done = process.obey(split(words[i]));
    if (!done)
      return fail(done.error(), process.serves(),
                  static_cast<double>(clock.now_ns() - word_ns) / 1e9);
  }
  return 0;
}

}  // namespace
}  // namespace causeway

int main(int count, char** words) {
  if (count < 2) {
    fmt::print(stderr, "group_example TIMEOUT_MS WORD...\n");
    return 2;
  }
  return causeway::run({words + 1, words + count});
}

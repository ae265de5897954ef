// SPDX-License-Identifier: Apache-2.0
#include "site/greeting.h"

#include <concepts>
#include <type_traits>

#include "core/fields.h"

namespace causeway::site {

// Found by argument lookup, which does not look into unnamed namespaces.
static bool is_known(Verdict verdict) {
  return verdict >= Verdict::kCome && verdict <= Verdict::kNever;
}

/// `S`, const or not.
template <class S, class Struct>
concept Is = std::same_as<std::remove_const_t<S>, Struct>;

static void each_field(auto&& visit, Is<Hello> auto& s) {
  visit(s.version), visit(s.run), visit(s.size), visit(s.rank);
}
static void each_field(auto&& visit, Is<Reply> auto& s) { visit(s.verdict), visit(s.text); }
static void each_field(auto&& visit, Is<Ends> auto& s) { visit(s.to_previous), visit(s.to_next); }

namespace {

/// Each message has a letter before it, that tells it from the others.
template <class T>
Bytes encode_marked(uint8_t mark, const T& message) {
  Bytes bytes;
  bytes.reserve(64);
  FieldWriter writer(bytes);
  writer(mark);
  writer(message);
  return bytes;
}

template <class T>
Result<T> decode_marked(uint8_t mark, ByteSpan bytes) {
  if (bytes.size() > kGreetingBytesMax)
    return failure(Fault::kCorrupt, "got {} bytes, wanted at most {}", bytes.size(),
                   kGreetingBytesMax);
  uint8_t got = 0;
  T message{};
  FieldReader reader(bytes);
  reader(got);
  reader(message);
  CW_TRY(reader.finish());
  if (got != mark) return failure(Fault::kCorrupt, "got message {}, wanted {}", got, mark);
  return message;
}

constexpr uint8_t kHello = 'H', kReply = 'R', kEnds = 'E';

}  // namespace

Bytes encode(const Hello& hello) { return encode_marked(kHello, hello); }
Bytes encode(const Reply& reply) { return encode_marked(kReply, reply); }
Bytes encode(const Ends& ends) { return encode_marked(kEnds, ends); }
Result<Hello> decode_hello(ByteSpan bytes) { return decode_marked<Hello>(kHello, bytes); }
Result<Reply> decode_reply(ByteSpan bytes) { return decode_marked<Reply>(kReply, bytes); }
Result<Ends> decode_ends(ByteSpan bytes) { return decode_marked<Ends>(kEnds, bytes); }

Roll::Roll(const Digest& run, int32_t size)
    : run_(run), here_(static_cast<size_t>(size)), missing_(size - 1) {
  here_.front() = true;
}

Reply Roll::enter(const Hello& hello) {
  // The version goes first: what another one means by the other fields nobody knows.
  if (hello.version != kGroupVersion)
    return {Verdict::kNever, fmt::format("this process speaks version {}, the leader {}",
                                         hello.version, kGroupVersion)};
  if (hello.run != run_) return {Verdict::kAgain, "another group has this port"};
  const auto size = static_cast<int32_t>(here_.size());
  if (hello.size != size)
    return {Verdict::kNever, fmt::format("this process was told of a group of {}, the leader of {}",
                                         hello.size, size)};
  if (hello.rank < 1 || hello.rank >= size)
    return {Verdict::kNever, fmt::format("there is no rank {} to fill", hello.rank)};
  const auto rank = static_cast<size_t>(hello.rank);
  if (here_[rank]) return {Verdict::kAgain, fmt::format("rank {} is here already", hello.rank)};
  here_[rank] = true;
  --missing_;
  return {Verdict::kCome, {}};
}

void Roll::leave(int32_t rank) {
  const auto place = static_cast<size_t>(rank);
  CW_CHECK(rank > 0 && place < here_.size() && here_[place], "rank {} is not on the roll", rank);
  here_[place] = false;
  ++missing_;
}

std::string Roll::missing() const {
  constexpr int32_t kNamedMax = 8;
  std::string text;
  int32_t named = 0;
  for (size_t rank = 1; rank < here_.size() && named < kNamedMax; ++rank) {
    if (here_[rank]) continue;
    text += fmt::format("{}{}", named == 0 ? "" : ", ", rank);
    ++named;
  }
  const std::string more = missing_ > named ? fmt::format(" and {} more", missing_ - named) : "";
  return fmt::format("rank{} {}{} of {}", missing_ == 1 ? "" : "s", text, more, here_.size());
}

}  // namespace causeway::site

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <asio/ip/address.hpp>
#include <compare>
#include <cstdint>
#include <cstring>
#include <list>
#include <map>
#include <optional>
#include <utility>

namespace causeway {

/// Where a connection comes from, as far as it costs somebody to come from elsewhere: an IPv4
/// address, or the upper half of an IPv6 one, which its owner has all of.
struct Origin {
  bool is_v6 = false;
  uint64_t prefix = 0;
  auto operator<=>(const Origin&) const = default;

  static Origin of(const asio::ip::address& address) {
    if (address.is_v4()) return {false, address.to_v4().to_uint()};
    const asio::ip::address_v6 v6 = address.to_v6();
    if (v6.is_v4_mapped())
      return {false, asio::ip::make_address_v4(asio::ip::v4_mapped, v6).to_uint()};
    Origin out{true, 0};
    std::memcpy(&out.prefix, v6.to_bytes().data(), sizeof(out.prefix));
    return out;
  }
};

/// Those who are not let in yet: so many at most. Who comes when there is no room takes the place
/// of the oldest of that source which has most, so that one source's flood crowds out nobody but
/// itself. One thread at a time.
template <class T>
class Strangers {
 public:
  explicit Strangers(size_t most) : most_(std::max<size_t>(most, 1)) {}

  /// Who has to give way, if there was no room.
  std::optional<T> add(T one, const Origin& source) {
    std::optional<T> out;
    if (all_.size() >= most_) {
      const auto give_way = std::ranges::max_element(
          all_, {}, [this](const Entry& entry) { return count_.at(entry.source); });
      out = std::move(give_way->one);
      erase(give_way);
    }
    all_.push_back({std::move(one), source});
    ++count_[source];
    return out;
  }
  /// False if it is none of them.
  bool remove(const T& one) {
    const auto found = std::ranges::find(all_, one, &Entry::one);
    if (found == all_.end()) return false;
    erase(found);
    return true;
  }
  size_t size() const { return all_.size(); }
  void each(auto&& visit) const {
    for (const Entry& entry : all_) visit(entry.one);
  }

 private:
  struct Entry {
    T one;
    Origin source;
  };
  void erase(typename std::list<Entry>::iterator entry) {
    const auto count = count_.find(entry->source);
    if (--count->second == 0) count_.erase(count);
    all_.erase(entry);
  }

  const size_t most_;
  std::list<Entry> all_;  // oldest first
  std::map<Origin, size_t> count_;
};

}  // namespace causeway

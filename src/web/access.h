// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace causeway {

/// Who may see a run. Const use is safe from many threads.
class Access {
 public:
  /// `token` empty: everybody. `own_host_only`: without a token, only who asks for this machine by
  /// one of its own names; or a foreign page could have its name point here and read the answer.
  Access(std::string_view token, bool own_host_only);

  /// `authorization` is that header's value, `parameter` that of ?token=; either will do. How long
  /// this takes tells nothing about the token.
  bool may_see(std::string_view authorization, std::string_view parameter) const;
  /// `host` is that header's value.
  bool is_for_us(std::string_view host) const;

 private:
  using Hash = std::array<unsigned char, 32>;
  static Hash hash_of(std::string_view text);

  bool open_, own_host_only_;
  Hash token_hash_;
};

}  // namespace causeway

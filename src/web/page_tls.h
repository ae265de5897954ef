// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "core/error.h"

struct ssl_ctx_st;

namespace causeway {

/// A server's side of TLS 1.2 and 1.3. Const use is safe from many threads.
class PageTls {
 public:
  /// From a certificate with its chain, and its key, both PEM. Fault::kBadInput if they are not
  /// that or do not fit each other. Beside an Ed25519 key, which no browser takes, it has one of
  /// its own with a certificate that nobody has signed: a browser warns of it, and then shows the
  /// page. Who takes Ed25519 is shown the first.
  static Result<PageTls> make(const std::string& certificate_pem, const std::string& key_pem);

  ssl_ctx_st* get() const { return context_.get(); }

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  std::unique_ptr<ssl_ctx_st, Free> context_;
};

}  // namespace causeway

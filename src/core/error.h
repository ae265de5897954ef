// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include "core/check.h"

namespace causeway {

/// What a caller can do about a failure. Values are fixed: they are written to logs.
enum class Fault : uint8_t {
  kTimeout = 1,   ///< try again in a later round
  kPeerLost = 2,  ///< go on without this peer
  kCorrupt = 3,   ///< drop the payload, count it against its sender
  kTooFew = 4,    ///< quorum not met: skip this round
  kRefused = 5,   ///< wrong certificate, token, version or epoch: do not retry
  kBadInput = 6,  ///< the user's file or option is wrong: tell them, exit code 2
  kIo = 7,        ///< the operating system refused: full disk, missing file, no rights
  kNumeric = 8,   ///< NaN or Inf where finite values were wanted
};

/// A failure of the outside world. `message` says who, what was got, what was wanted, what to do.
struct Error {
  Fault fault;
  std::string message;
};

/// `return failure(Fault::kIo, "{}: cannot open: {}", path, reason);`
template <class... Args>
Error failure(Fault fault, fmt::format_string<Args...> format, Args&&... args) {
  return {fault, fmt::format(format, std::forward<Args>(args)...)};
}

/// A value or an Error. Reading the value of a failed Result is a bug and aborts.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    CW_CHECK(ok(), "{}", error().message);
    return std::get<0>(state_);
  }
  const T& value() const& {
    CW_CHECK(ok(), "{}", error().message);
    return std::get<0>(state_);
  }
  T&& value() && {
    CW_CHECK(ok(), "{}", error().message);
    return std::get<0>(std::move(state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const {
    CW_CHECK(!ok(), "error() of a Result that has a value");
    return std::get<1>(state_);
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}

  bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  const Error& error() const {
    CW_CHECK(!ok_, "error() of a Result that has no error");
    return error_;
  }

 private:
  Error error_{};
  bool ok_ = true;
};

}  // namespace causeway

/// Returns the error of a Result<...> expression from the enclosing function, if it failed.
#define CW_TRY(expression)                                             \
  do {                                                                 \
    if (auto result_ = (expression); !result_) return result_.error(); \
  } while (false)

#define CW_CONCAT_(a, b) a##b
#define CW_CONCAT(a, b) CW_CONCAT_(a, b)

/// `CW_ASSIGN(auto file, open(path));` declares `file`, or returns the error.
#define CW_ASSIGN(declaration, expression)                                        \
  auto CW_CONCAT(result_, __LINE__) = (expression);                               \
  if (!CW_CONCAT(result_, __LINE__)) return CW_CONCAT(result_, __LINE__).error(); \
  declaration = std::move(CW_CONCAT(result_, __LINE__)).value()

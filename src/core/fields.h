// SPDX-License-Identifier: Apache-2.0
//
// Structs to bytes and back through one list of their fields, so that reading cannot drift from
// writing: `void each_field(auto&& visit, S& s) { visit(s.a); visit(s.b); }`, found by argument
// lookup, with S const or not. An enum needs `bool is_known(E)`.
#pragma once

#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/bytes.h"
#include "core/hash.h"
#include "core/shared_bytes.h"

namespace causeway {

inline constexpr size_t kFieldTextMax = 512;

/// Appends. Texts are cut to kFieldTextMax bytes.
class FieldWriter {
 public:
  explicit FieldWriter(Bytes& bytes) : writer_(bytes) {}

  template <class T>
  void operator()(const T& value) {
    if constexpr (std::is_arithmetic_v<T>)
      writer_.put(value);
    else if constexpr (std::is_enum_v<T>)
      writer_.put(static_cast<std::underlying_type_t<T>>(value));
    else
      each_field(*this, value);
  }
  void operator()(const Digest& value) {
    writer_.put(value.high);
    writer_.put(value.low);
  }
  void operator()(const std::string& value) {
    writer_.put_text(std::string_view(value).substr(0, kFieldTextMax));
  }
  void operator()(const SharedBytes& value) { put_bytes(value.view()); }
  void operator()(const Bytes& value) { put_bytes(value); }
  template <class T>
  void operator()(const std::vector<T>& values) {
    writer_.put(static_cast<uint32_t>(values.size()));
    if constexpr (std::is_arithmetic_v<T>)
      writer_.put(std::as_bytes(std::span(values)));
    else
      for (const T& value : values) (*this)(value);
  }
  template <class K, class V>
  void operator()(const std::map<K, V>& values) {
    writer_.put(static_cast<uint32_t>(values.size()));
    for (const auto& [key, value] : values) {
      (*this)(key);
      (*this)(value);
    }
  }
  template <class T>
  void operator()(const std::optional<T>& value) {
    (*this)(value.has_value());
    if (value) (*this)(*value);
  }
  /// The alternative's number, then its fields.
  template <class... T>
  void operator()(const std::variant<T...>& value) {
    writer_.put(static_cast<uint8_t>(value.index() + 1));
    std::visit([this](const auto& one) { (*this)(one); }, value);
  }

 private:
  void put_bytes(ByteSpan bytes) {
    writer_.put(static_cast<uint32_t>(bytes.size()));
    writer_.put(bytes);
  }
  ByteWriter writer_;
};

/// Reads what a FieldWriter wrote. Bytes come from a stranger: after the first mistake nothing more
/// is read, and finish() says what it was. Allocates no more than a small multiple of the bytes.
class FieldReader {
 public:
  explicit FieldReader(ByteSpan bytes) : reader_(bytes) {}
  /// `bytes` lie in what `owner` has: SharedBytes then share it instead of copying.
  FieldReader(ByteSpan bytes, std::shared_ptr<const Bytes> owner)
      : reader_(bytes), owner_(std::move(owner)) {}

  template <class T>
  void operator()(T& value) {
    if constexpr (std::is_arithmetic_v<T>) {
      read(value);
    } else if constexpr (std::is_enum_v<T>) {
      std::underlying_type_t<T> number{};
      read(number);
      if (!error_ && !is_known(static_cast<T>(number)))
        fail(failure(Fault::kCorrupt, "got {} where a known kind was wanted", number));
      if (!error_) value = static_cast<T>(number);
    } else {
      each_field(*this, value);
    }
  }
  void operator()(Digest& value) {
    read(value.high);
    read(value.low);
  }
  void operator()(std::string& value) {
    if (error_) return;
    auto text = reader_.get_text(kFieldTextMax);
    if (!text) return fail(text.error());
    value = *text;
  }
  void operator()(SharedBytes& value) {
    if (owner_ != nullptr) {
      const size_t count = read_count();
      if (!error_) value = SharedBytes(owner_, reader_.take(count).value());
      return;
    }
    Bytes bytes;
    (*this)(bytes);
    value = SharedBytes(std::move(bytes));
  }
  void operator()(Bytes& value) {
    const size_t count = read_count();
    if (error_) return;
    const ByteSpan bytes = reader_.take(count).value();
    value.assign(bytes.begin(), bytes.end());
  }
  template <class T>
  void operator()(std::vector<T>& values) {
    values.clear();
    if constexpr (std::is_arithmetic_v<T>) {
      const size_t count = read_count(sizeof(T));
      if (error_) return;
      values.resize(count);
      const ByteSpan bytes = reader_.take(count * sizeof(T)).value();
      if (count > 0) std::memcpy(values.data(), bytes.data(), bytes.size());
    } else {
      for (size_t left = read_count(); left > 0 && !error_; --left) (*this)(values.emplace_back());
    }
  }
  template <class K, class V>
  void operator()(std::map<K, V>& values) {
    values.clear();
    for (size_t left = read_count(); left > 0 && !error_; --left) {
      K key{};
      V value{};
      (*this)(key);
      (*this)(value);
      if (error_) return;
      if (!values.empty() && !(values.rbegin()->first < key))
        return fail(failure(Fault::kCorrupt, "keys are not in order"));
      values.emplace_hint(values.end(), std::move(key), std::move(value));
    }
  }
  template <class T>
  void operator()(std::optional<T>& value) {
    bool has = false;
    read(has);
    value.reset();
    if (!error_ && has) (*this)(value.emplace());
  }
  template <class... T>
  void operator()(std::variant<T...>& value) {
    uint8_t number = 0;
    read(number);
    if (error_) return;
    if (number == 0 || number > sizeof...(T))
      return fail(failure(Fault::kCorrupt, "got kind {}, wanted 1 to {}", number, sizeof...(T)));
    emplace(value, number - 1U, std::index_sequence_for<T...>{});
    std::visit([this](auto& one) { (*this)(one); }, value);
  }

  /// Fault::kCorrupt if something was wrong, or if bytes are left over.
  Result<void> finish() const {
    if (error_) return *error_;
    if (reader_.left() > 0)
      return failure(Fault::kCorrupt, "{} bytes are left over", reader_.left());
    return {};
  }

 private:
  template <class T>
  void read(T& value) {
    if (error_) return;
    auto got = reader_.get<T>();
    if (!got) return fail(got.error());
    value = *got;
  }
  /// Of elements that take at least so many bytes each.
  size_t read_count(size_t element_bytes = 1) {
    uint32_t count = 0;
    read(count);
    if (!error_ && count > reader_.left() / element_bytes)
      fail(failure(Fault::kCorrupt, "got a count of {} with {} bytes left", count, reader_.left()));
    return error_ ? 0 : count;
  }
  template <class Variant, size_t... I>
  static void emplace(Variant& value, size_t index, std::index_sequence<I...>) {
    ((I == index ? void(value.template emplace<I>()) : void()), ...);
  }
  void fail(Error error) {
    if (!error_) error_ = std::move(error);
  }

  ByteReader reader_;
  std::shared_ptr<const Bytes> owner_;
  std::optional<Error> error_;
};

template <class T>
Bytes write_fields(const T& value) {
  Bytes bytes;
  FieldWriter writer(bytes);
  writer(value);
  return bytes;
}

template <class T>
Result<T> read_fields(ByteSpan bytes) {
  T value{};
  FieldReader reader(bytes);
  reader(value);
  CW_TRY(reader.finish());
  return value;
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <utility>

namespace causeway {

/// Lines that take turns: each in the order in which its values came, and nobody's second value
/// before the first of another, however long one line is. One thread at a time.
template <class Line, class Value>
class Turns {
 public:
  struct Turn {
    Line line;
    Value value;
  };

  bool empty() const { return lines_.empty(); }
  void add(const Line& line, Value value) { lines_[line].push_back(std::move(value)); }
  /// To the head of its line.
  void put_back(Turn turn) { lines_[turn.line].push_front(std::move(turn.value)); }

  /// The head of the next line whose head `may` go; nothing if none may.
  std::optional<Turn> next(auto&& may) {
    auto at = last_ ? lines_.upper_bound(*last_) : lines_.begin();
    for (size_t i = 0; i < lines_.size(); ++i, ++at) {
      if (at == lines_.end()) at = lines_.begin();
      auto& [line, values] = *at;
      if (!may(std::as_const(values.front()))) continue;
      last_ = line;
      Turn out{line, std::move(values.front())};
      values.pop_front();
      if (values.empty()) lines_.erase(at);
      return out;
    }
    return {};
  }
  std::optional<Turn> next() {
    return next([](const Value&) { return true; });
  }

  /// All of a line, which is then empty.
  std::deque<Value> take(const Line& line) {
    auto node = lines_.extract(line);
    return node ? std::move(node.mapped()) : std::deque<Value>();
  }

 private:
  std::map<Line, std::deque<Value>> lines_;  // none is empty
  std::optional<Line> last_;                 // whose turn it was
};

}  // namespace causeway

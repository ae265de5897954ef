// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "core/check.h"

namespace causeway {
namespace {

constexpr size_t kPatternBytesMax = size_t{1} << 20;
constexpr size_t kJitStackBytes = size_t{16} << 20;
// Steps of one search: enough for any run of a megabyte, and a pattern that needs exponential time
// ends within a second.
constexpr uint32_t kMatchStepsMax = 4'000'000;
constexpr uint32_t kHeapKbMax = 64 * 1024;

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};

using Code = std::unique_ptr<pcre2_code, Freer<pcre2_code_free>>;
using CompileContext = std::unique_ptr<pcre2_compile_context, Freer<pcre2_compile_context_free>>;
using MatchContext = std::unique_ptr<pcre2_match_context, Freer<pcre2_match_context_free>>;
using MatchData = std::unique_ptr<pcre2_match_data, Freer<pcre2_match_data_free>>;
using JitStack = std::unique_ptr<pcre2_jit_stack, Freer<pcre2_jit_stack_free>>;

}  // namespace

struct RegexScratch::State {
  // The stack grows from its first size up to its last.
  JitStack stack{pcre2_jit_stack_create(32 * 1024, kJitStackBytes, nullptr)};
  MatchContext context{pcre2_match_context_create(nullptr)};
  // Only the bounds of the whole match are asked for.
  MatchData data{pcre2_match_data_create(1, nullptr)};
};

RegexScratch::RegexScratch() : state_(std::make_unique<State>()) {
  CW_CHECK(state_->context != nullptr && state_->data != nullptr, "no memory");
  pcre2_set_match_limit(state_->context.get(), kMatchStepsMax);
  pcre2_set_heap_limit(state_->context.get(), kHeapKbMax);
  // Null where PCRE2 has no compiler for this processor.
  if (state_->stack) pcre2_jit_stack_assign(state_->context.get(), nullptr, state_->stack.get());
}

RegexScratch::~RegexScratch() = default;

struct Regex::State {
  Code code;
  bool compiled = false;
};

Regex::Regex(std::unique_ptr<State> state) : state_(std::move(state)) {}
Regex::~Regex() = default;

Result<std::shared_ptr<const Regex>> Regex::compile(const std::string& pattern,
                                                    const std::string& where) {
  if (pattern.size() > kPatternBytesMax)
    return failure(Fault::kBadInput, "{}: a pattern of {} bytes; at most {} are supported", where,
                   pattern.size(), kPatternBytesMax);
  const CompileContext context(pcre2_compile_context_create(nullptr));
  CW_CHECK(context != nullptr, "no memory");
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int error = 0;
  PCRE2_SIZE offset = 0;
  auto state = std::make_unique<State>();
  state->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                  PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C,
                                  &error, &offset, context.get()));
  if (!state->code) {
    char text[256];
    pcre2_get_error_message(error, reinterpret_cast<PCRE2_UCHAR*>(text), sizeof(text));
    return failure(Fault::kBadInput, "{}: the pattern is wrong: {}", where, text);
  }
  state->compiled = pcre2_jit_compile(state->code.get(), PCRE2_JIT_COMPLETE) == 0;
  return std::shared_ptr<const Regex>(new Regex(std::move(state)));
}

std::optional<std::pair<size_t, size_t>> Regex::find(std::string_view text, size_t from,
                                                     RegexScratch& scratch) const {
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  const RegexScratch::State& tools = *scratch.state_;
  int found = PCRE2_ERROR_JIT_STACKLIMIT;
  if (state_->compiled)
    found = pcre2_jit_match(state_->code.get(), subject, text.size(), from, 0, tools.data.get(),
                            tools.context.get());
  // The interpreter keeps its stack on the heap.
  if (found == PCRE2_ERROR_JIT_STACKLIMIT)
    found = pcre2_match(state_->code.get(), subject, text.size(), from,
                        PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, tools.data.get(), tools.context.get());
  if (found < 0) return std::nullopt;
  const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(tools.data.get());
  // A lookbehind cannot end a match before it starts, but \K could; patterns do not have it.
  CW_CHECK(bounds[0] >= from && bounds[0] <= bounds[1] && bounds[1] <= text.size(), "{} to {}",
           bounds[0], bounds[1]);
  return std::pair(bounds[0], bounds[1]);
}

}  // namespace causeway

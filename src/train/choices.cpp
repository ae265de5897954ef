// SPDX-License-Identifier: Apache-2.0
#include "train/choices.h"

#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

namespace causeway {
namespace {

using nlohmann::json;

constexpr std::string_view kSpaces = " \t\n\r\v\f";
constexpr size_t kLineBytesMax = 16 << 20;

std::optional<int64_t> answer_of(const json& answer, const std::vector<std::string>& choices) {
  if (answer.is_number_integer()) {
    const auto index = answer.get<int64_t>();
    if (index >= 0 && index < static_cast<int64_t>(choices.size())) return index;
  } else if (answer.is_string()) {
    const auto found = std::find(choices.begin(), choices.end(), answer.get<std::string>());
    if (found != choices.end()) return found - choices.begin();
  }
  return std::nullopt;
}

std::optional<Question> question_of(const std::string& line) {
  const json one = json::parse(line, nullptr, false);
  if (!one.is_object()) return std::nullopt;
  const auto context = one.find("context"), choices = one.find("choices"),
             answer = one.find("answer");
  if (context == one.end() || !context->is_string() || choices == one.end() ||
      !choices->is_array() || choices->size() < 2 || answer == one.end())
    return std::nullopt;
  Question out;
  out.context = context->get<std::string>();
  for (const json& choice : *choices) {
    if (!choice.is_string() || choice.get<std::string>().empty()) return std::nullopt;
    out.choices.push_back(choice.get<std::string>());
  }
  const auto index = answer_of(*answer, out.choices);
  if (!index) return std::nullopt;
  out.answer = *index;
  return out;
}

/// A context and a continuation as tokens; those from `first` on are scored.
struct Continuation {
  std::vector<int64_t> tokens;
  size_t first = 0;
};

Continuation continuation(std::string context, std::string choice, const Tokenizer& tokenizer,
                          Encoder& encoder) {
  const bool spaced = context.empty() || kSpaces.find(context.back()) != kSpaces.npos ||
                      kSpaces.find(choice.front()) != kSpaces.npos;
  if (!spaced) choice.insert(0, " ");
  const size_t end = context.find_last_not_of(kSpaces);
  const size_t kept = end == context.npos ? 0 : end + 1;
  choice.insert(0, context, kept, context.npos);
  context.resize(kept);

  std::vector<int32_t> start(tokenizer.before().begin(), tokenizer.before().end());
  if (context.empty() && start.empty())
    if (const auto mark = tokenizer.end_of_text()) start.push_back(*mark);
  std::vector<int32_t> alone = start, whole = start;
  encoder.encode(context, alone);
  encoder.encode(context + choice, whole);
  return {{whole.begin(), whole.end()}, std::min(alone.size(), whole.size())};
}

size_t characters(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char byte) { return (byte & 0xC0) != 0x80; }));
}

Result<double> log_probability(const Model& model, const Arena& x, Continuation text) {
  const auto most = static_cast<size_t>(model.context()) + 1;
  if (text.tokens.size() > most) {
    const size_t cut = text.tokens.size() - most;
    text.tokens.erase(text.tokens.begin(), text.tokens.begin() + static_cast<std::ptrdiff_t>(cut));
    text.first -= std::min(text.first, cut);
  }
  if (text.first == 0 || text.first == text.tokens.size())
    return failure(Fault::kBadInput,
                   "a choice has {} tokens after {}; wanted: at least 1 of each, and no more than "
                   "the model's context of {}",
                   text.tokens.size() - text.first, text.first, model.context());
  const auto length = static_cast<int64_t>(text.tokens.size());
  const at::Tensor losses =
      model.losses(x, at::from_blob(text.tokens.data(), {1, length}, at::kLong))
          .to(at::kDouble)
          .contiguous();
  double sum = 0;
  for (int64_t i = static_cast<int64_t>(text.first) - 1; i + 1 < length; ++i)
    sum -= losses.const_data_ptr<double>()[i];
  return sum;
}

/// Every choice of every question, in their order.
std::vector<Continuation> continuations(const std::vector<Question>& questions,
                                        const Tokenizer& tokenizer) {
  const auto encoder = tokenizer.encoder();
  std::vector<Continuation> out;
  for (const Question& question : questions)
    for (const std::string& choice : question.choices)
      out.push_back(continuation(question.context, choice, tokenizer, *encoder));
  return out;
}

int64_t best(const std::vector<double>& scores) {
  return std::max_element(scores.begin(), scores.end()) - scores.begin();
}

double standard_error(double share, int64_t count) {
  return count > 1 ? std::sqrt(share * (1 - share) / static_cast<double>(count - 1)) : 0;
}

}  // namespace

Result<std::vector<Question>> read_questions(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return failure(Fault::kIo, "{}: cannot be opened; check the path and its rights", path);
  std::vector<Question> out;
  std::string line;
  for (int64_t number = 1; std::getline(in, line); ++number) {
    if (line.find_first_not_of(kSpaces) == line.npos) continue;
    auto one = line.size() <= kLineBytesMax ? question_of(line) : std::nullopt;
    if (!one)
      return failure(
          Fault::kBadInput,
          "{}:{}: is no question; wanted: {{\"context\": text, \"choices\": [two or more "
          "texts], \"answer\": index of the right one, from 0, or its text}}",
          path, number);
    out.push_back(std::move(*one));
  }
  if (out.empty()) return failure(Fault::kBadInput, "{}: has no question", path);
  return out;
}

Result<ChoiceScores> score_choices(const Model& model, const Arena& x, const Tokenizer& tokenizer,
                                   const std::vector<Question>& questions, Threads& threads) {
  const std::vector<Continuation> texts = continuations(questions, tokenizer);
  std::vector<Result<double>> scored(texts.size(), 0.0);
  threads.each(static_cast<int64_t>(texts.size()), [&](int64_t i) {
    const auto index = static_cast<size_t>(i);
    scored[index] = log_probability(model, x, texts[index]);
  });
  ChoiceScores out;
  out.questions = static_cast<int64_t>(questions.size());
  int64_t right = 0, right_by_length = 0;
  auto next = scored.begin();
  for (size_t i = 0; i < questions.size(); ++i) {
    std::vector<double> scores, by_length;
    for (const std::string& choice : questions[i].choices) {
      const Result<double>& one = *next++;
      if (!one) return failure(one.error().fault, "question {}: {}", i + 1, one.error().message);
      scores.push_back(*one);
      by_length.push_back(*one / static_cast<double>(characters(choice)));
    }
    right += best(scores) == questions[i].answer ? 1 : 0;
    right_by_length += best(by_length) == questions[i].answer ? 1 : 0;
    out.log_probabilities.push_back(std::move(scores));
  }
  const auto count = static_cast<double>(out.questions);
  out.accuracy = static_cast<double>(right) / count;
  out.accuracy_by_length = static_cast<double>(right_by_length) / count;
  out.error = standard_error(out.accuracy, out.questions);
  out.error_by_length = standard_error(out.accuracy_by_length, out.questions);
  return out;
}

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
//
// Multiple-choice questions: which of several continuations does a model find likeliest?
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/threads.h"
#include "model/model.h"
#include "tokenizer/tokenizer.h"

namespace causeway {

struct Question {
  std::string context;
  std::vector<std::string> choices;
  int64_t answer = 0;  ///< index of the right choice
};

/// Reads JSON-lines: {"context": text, "choices": [text, …], "answer": index or the choice's text}.
/// Any bytes are safe. Fault::kIo; Fault::kBadInput names file and line.
Result<std::vector<Question>> read_questions(const std::string& path);

struct ChoiceScores {
  int64_t questions = 0;
  double accuracy = 0;            ///< the choice of the largest log-probability is right
  double accuracy_by_length = 0;  ///< the same with log-probabilities divided by characters
  double error = 0;               ///< standard errors of the two
  double error_by_length = 0;
  std::vector<std::vector<double>> log_probabilities;  ///< nats, by question and choice
};

/// Scores every choice as the continuation of its context, the way of EleutherAI's
/// lm-evaluation-harness: context, one space, choice (no space where either brings one, or without
/// a context); white space at the context's end is encoded with the choice; the tokens after those
/// of the context count. Contexts that are too long lose their beginning. An empty context is the
/// tokenizer's `before`, or its end-of-text token. `acc_norm` divides by Unicode characters.
/// Fault::kBadInput if a choice is too long for the model, or has no token before it.
Result<ChoiceScores> score_choices(const Model& model, const Arena& x, const Tokenizer& tokenizer,
                                   const std::vector<Question>& questions, Threads& threads);

}  // namespace causeway

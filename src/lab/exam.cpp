// SPDX-License-Identifier: Apache-2.0
#include "lab/exam.h"

#include <algorithm>

#include "train/evaluate.h"
#include "train/sites.h"

namespace causeway {

Result<Exam> Exam::make(const Recipe& recipe, int64_t tokens) {
  CW_ASSIGN(const auto sites, open_sites(recipe));
  Exam exam;
  for (const Sources& sources : sites) {
    std::vector<int32_t> text(static_cast<size_t>(std::min(tokens, valid_tokens(sources))));
    read_valid(sources, 0, text);
    if (text.size() < 2) continue;
    exam.tokens_ += std::ssize(text);
    exam.texts_.push_back(std::move(text));
  }
  if (exam.texts_.empty())
    return failure(Fault::kBadInput, "no site has validation text; give each a `valid` file");
  return exam;
}

double Exam::nats(Team& team) const {
  Arena mean(team.placement());
  team.mean_parameters(mean);
  Evaluation sum;
  for (const auto& text : texts_) {
    const ReadTokens read = [&](int64_t begin, std::span<int32_t> out) {
      std::copy_n(text.begin() + begin, out.size(), out.begin());
    };
    sum.add(evaluate(team.model(), mean, std::ssize(text), read, {}, team.threads()));
  }
  return sum.nats_per_token();
}

}  // namespace causeway

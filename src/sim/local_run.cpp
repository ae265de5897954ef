// SPDX-License-Identifier: Apache-2.0
#include "sim/local_run.h"

#include <algorithm>

#include "exchange/local.h"

namespace causeway {

std::vector<Digest> local_weights(const Course& course, int32_t workers) {
  LocalExchange exchange(course.plan());
  Threads threads(1);
  std::vector<std::unique_ptr<Trainer>> trainers;
  for (WorkerId worker = 0; worker < workers; ++worker)
    trainers.push_back(course.trainer(worker, exchange));
  const auto behind = [&](const auto& trainer) { return trainer->steps() < course.steps(); };
  while (std::any_of(trainers.begin(), trainers.end(), behind)) {
    for (const auto& trainer : trainers)
      while (behind(trainer))
        if (trainer->advance().value() == Trainer::Status::kWaiting) break;
    exchange.pump(threads);
  }
  std::vector<Digest> out;
  for (const auto& trainer : trainers) out.push_back(trainer->weights());
  return out;
}

}  // namespace causeway

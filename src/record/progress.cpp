// SPDX-License-Identifier: Apache-2.0
#include "core/check.h"
#include "record/progress_forms.h"
#include "record/record.h"

namespace causeway {

std::unique_ptr<Listener> progress(ProgressOptions options, const Clock& clock) {
  CW_CHECK(options.out != nullptr);
  if (options.json) return json_progress(options.out);
  if (options.terminal) return terminal_progress(options.out, options.width, clock);
  return plain_progress(options.out, clock);
}

}  // namespace causeway

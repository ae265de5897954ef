// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "web/access.h"
#include "web/live_page.h"
#include "web/live_run.h"

namespace httplib {
class Stream;
}

namespace causeway {

/// What is served, and to whom.
struct HttpSite {
  const LiveRun& run;
  Access access;
  LivePage page;
};

/// What an answer tells of its connection.
struct HttpProgress {
  std::function<void()> answering;  ///< the request is whole
  std::function<bool()> follow;     ///< false: no place for one more who stays
};

/// Reads one request from `stream` and answers it; one for /events is answered until the run's
/// broadcast closes or the peer is gone or too slow. What is read is hostile. Throws nothing.
void answer_request(httplib::Stream& stream, const HttpSite& site, const HttpProgress& progress);

}  // namespace causeway

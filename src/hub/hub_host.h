// SPDX-License-Identifier: Apache-2.0
//
// Does what the hub's machine asks of its surroundings: log, spool, checking, folding, mirror. It
// is told when to begin and when to finish, so that a simulation can let time pass, or a machine
// die, in between.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "core/threads.h"
#include "exchange/fold.h"
#include "hub/hub_machine.h"
#include "store/log.h"
#include "store/spool.h"
#include "sync/mirror.h"

namespace causeway {

/// One thread at a time.
class HubHost {
 public:
  struct Gates {
    double norm_max = 0;  ///< of an offer's decoded channel; 0: any finite one
  };
  /// All outlive the host.
  HubHost(const BoundPlan& plan, int64_t layout_count, DurableLog& log, Spool& spool,
          Threads& threads, Gates gates);
  ~HubHost();

  /// Reads the log and makes the machine; rebuilds mirror and folder states from blobs.
  /// Fault::kCorrupt or kIo with what is wrong and what to do.
  Result<std::unique_ptr<HubMachine>> recover(const HubSettings& settings, const Schedule& schedule,
                                              int64_t now_ms);

  /// Begins what was asked: written, not yet durable. Send is not for the host.
  void start(const HubOutput& output);
  /// Ends it: durable, computed. What the machine is to be told, or nothing. In the order of start.
  std::optional<HubInput> finish(const HubOutput& output);
  /// For SendChunk: the bytes, or fewer at the blob's end; empty if the blob is gone.
  Message chunk(const SendChunk& request);

  const Mirror* mirror() const { return mirror_.get(); }

// SPDX-License-Identifier: Apache-2.0
#include "service/site_objects.h"

namespace causeway {
namespace {

constexpr int64_t kSiteHeldBytesMax = int64_t{64} << 20;
constexpr ChunkTransfers::Line kOut = 0, kIn = 1;

}  // namespace

SiteObjects::SiteObjects(ObjectStore& store, const Clock& clock, const ChunkStoreOptions& options,
                         Hooks hooks)
    : hooks_(std::move(hooks)),
      turns_(std::make_unique<StoreTurns>(store, clock, options, kSiteHeldBytesMax)),
      sender_(*turns_, clock, kOut,
              {[this](const Referral& referral) { hooks_.refer(FrameKind::kReference, referral); },
               [this](const BulkRequest& what, const ReferenceSender::Read& read) {
                 if (auto bytes = read())
                   hooks_.send({what.run, what.epoch, what.worker,
                                Chunk{what.blob, what.offset, *std::move(bytes)}});
               },
               hooks_.note}),
      receiver_(*turns_, clock, kIn,
                {hooks_.deliver,
                 [this](const Referral& referral) { hooks_.refer(FrameKind::kMissing, referral); },
                 hooks_.note}) {}

/// Transfers end first: they call sender and receiver.
SiteObjects::~SiteObjects() { turns_.reset(); }

void SiteObjects::connected(bool on) {
  on_ = on;
  sender_.reset();
  receiver_.reset();
}

void SiteObjects::send(const Message& message) {
  const auto* chunk = std::get_if<Chunk>(&message.body);
  if (chunk == nullptr || !on_) return hooks_.send(message);
  sender_.send(
      {message.run, message.epoch, message.worker, chunk->blob, chunk->offset, chunk->bytes.size()},
      [bytes = chunk->bytes]() -> Result<SharedBytes> { return bytes; });
}

void SiteObjects::receive(Message message) {
  if (std::holds_alternative<Chunk>(message.body)) return receiver_.take(std::move(message));
  hooks_.deliver(std::move(message));
}

void SiteObjects::receive(FrameKind kind, const Referral& referral) {
  if (kind == FrameKind::kReference) return receiver_.take(referral);
  if (const auto again = sender_.missing(referral))
    hooks_.deliver({again->run, again->epoch, again->worker, Want{again->blob, again->offset}});
}

}  // namespace causeway

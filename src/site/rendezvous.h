// SPDX-License-Identifier: Apache-2.0
//
// How the processes of a group find each other. Rank 0, the leader, listens at a port that all can
// work out from their environment; the others come to it, and it waits until all have. A stranger
// that connects costs the leader a bounded number of bytes and seconds. Nothing here is secret or
// signed: a group belongs inside a site's own network.
#pragma once

#include <string>
#include <vector>

#include "site/deadline.h"
#include "site/greeting.h"
#include "site/group.h"
#include "site/socket.h"

namespace causeway::site {

/// A process that has met all others. The connections stay open for as long as the group lives.
struct Meeting {
  std::vector<Socket> peers;  ///< the leader: ranks 1, 2, ... in order; the others: the leader
  std::string address;        ///< of this process, where its neighbours will reach it
};

/// Waits for all until the deadline. Fault::kPeerLost with the ranks that did not come, or why
/// there was no leader; Fault::kRefused; Fault::kIo if no port is free.
Result<Meeting> meet(const GroupPlace& place, const Deadline& deadline);
/// The two halves of it, in files of their own.
Result<Meeting> meet_as_leader(const GroupPlace& place, const Deadline& deadline);
Result<Meeting> meet_as_follower(const GroupPlace& place, const Deadline& deadline);

/// What the previous process's link to its next one is called, and the next one's to its previous:
/// the names of the other ends of `mine`, through the leader.
Result<Ends> exchange_ends(const Meeting& meeting, const GroupPlace& place, const Ends& mine,
                           const Deadline& deadline);

}  // namespace causeway::site

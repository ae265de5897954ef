// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace causeway {

/// If the first argument names a command of causeway-hub, becomes that program, which lies beside
/// this one, with the same arguments; returns an exit code if it cannot. -1: not such a command.
int run_companion(int argc, char** argv);

}  // namespace causeway

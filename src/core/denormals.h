// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace causeway {

/// From now on this thread computes with denormal numbers as zeros, in and out, as LibTorch's
/// threads do in training: what is folded must have one setting everywhere. Does nothing on
/// processors that it does not know.
void flush_denormals();

}  // namespace causeway

// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace causeway {

/// Llama 3's change of the frequencies for texts longer than those of the training: waves longer
/// than original_context / low_factor turn `factor` times slower, those shorter than
/// original_context / high_factor stay, between them it is interpolated. Grattafiori and others,
/// "The Llama 3 Herd of Models", arXiv:2407.21783, and the reference code that came with Llama 3.1.
struct RopeScaling {
  double factor = 0;  ///< 0: frequencies stay
  double low_factor = 1, high_factor = 4;
  double original_context = 8192;
};

}  // namespace causeway

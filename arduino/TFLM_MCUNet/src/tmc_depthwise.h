// SPDX-License-Identifier: Apache-2.0
// What the files of DEPTHWISE share: by the DSP extension, and without it.
#ifndef TMC_DEPTHWISE_H_
#define TMC_DEPTHWISE_H_

#include "tmc_kernels.h"

// Channels of the input that the DSP extension takes at once: a word.
enum { TMC_CHANNELS_AT_ONCE = 4 };

// Computes four channels of a box, from `first` on, one window after the other; depth multiplier 1.
void tmc_depthwise_pixels(const tmc_call* call, const tmc_box* box, int32_t first);

// Copies one channel aside, and computes it from there.
void tmc_depthwise_copy_plane(const tmc_call* call, int32_t channel);
void tmc_depthwise_plane(const tmc_call* call, int32_t channel);

#endif  // TMC_DEPTHWISE_H_

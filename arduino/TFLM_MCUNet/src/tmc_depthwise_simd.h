// SPDX-License-Identifier: Apache-2.0
#ifndef TMC_DEPTHWISE_SIMD_H_
#define TMC_DEPTHWISE_SIMD_H_

#include "tmc_kernels.h"

// Whether tmc_depthwise_simd has what it takes.
int tmc_depthwise_simd_computes(const tmc_call* call);

void tmc_depthwise_simd(const tmc_call* call);

// The same for one channel, whose plane is the input: a tensor of one channel.
int tmc_depthwise_simd_computes_plane(const tmc_call* call, int32_t channel);

void tmc_depthwise_plane_simd(const tmc_call* call, int32_t channel);

#endif  // TMC_DEPTHWISE_SIMD_H_

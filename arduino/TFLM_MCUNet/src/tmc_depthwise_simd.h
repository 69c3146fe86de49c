// SPDX-License-Identifier: Apache-2.0
#ifndef TMC_DEPTHWISE_SIMD_H_
#define TMC_DEPTHWISE_SIMD_H_

#include "tmc_kernels.h"

// Whether tmc_depthwise_simd has what it takes.
int tmc_depthwise_simd_computes(const tmc_call* call);

void tmc_depthwise_simd(const tmc_call* call);

#endif  // TMC_DEPTHWISE_SIMD_H_

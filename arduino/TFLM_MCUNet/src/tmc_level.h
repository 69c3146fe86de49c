// SPDX-License-Identifier: Apache-2.0
// From energies to int8_t features, linear in decibels.
#ifndef TMC_LEVEL_H_
#define TMC_LEVEL_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// feature = log2(energy) * slope / 2^16 + offset / 2^32, rounded to nearest, ties upwards, and
// saturated. 0 <= slope < 2^24, |offset| < 2^60.
typedef struct {
  int64_t offset;
  int32_t slope;
} tmc_level;

// log2 in Q.16, to within 2^-13; that of 0 is 0.
int32_t tmc_log2(uint64_t value);

int8_t tmc_level_of(const tmc_level* level, uint64_t energy);

#ifdef __cplusplus
}
#endif

#endif  // TMC_LEVEL_H_

// SPDX-License-Identifier: Apache-2.0
#include "tmc_level.h"

int32_t tmc_log2(uint64_t value) {
  if (value == 0) {
    return 0;
  }
  int32_t exponent = 63;
  for (int32_t step = 32; step > 0; step /= 2) {
    if (value >> (64 - step) == 0) {
      value <<= step;
      exponent -= step;
    }
  }
  // log2(1 + x) for x in [0, 1), Q.16: x + x (1 - x) times the polynomial of degree 2 that leaves
  // the least greatest error, 1.2e-4.
  const int64_t x = (int64_t)(value >> 47 & 0xFFFF);
  const int64_t polynomial = 28752 + ((x * (-15667 + ((x * 5382) >> 16))) >> 16);
  const int64_t curve = (x * (65536 - x)) >> 16;
  return exponent * 65536 + (int32_t)(x + ((curve * polynomial) >> 16));
}

int8_t tmc_level_of(const tmc_level* level, uint64_t energy) {
  const int64_t exact = (int64_t)tmc_log2(energy) * level->slope + level->offset;
  const int64_t rounded = (exact + (INT64_C(1) << 31)) >> 32;
  return (int8_t)(rounded < INT8_MIN ? INT8_MIN : rounded > INT8_MAX ? INT8_MAX : rounded);
}

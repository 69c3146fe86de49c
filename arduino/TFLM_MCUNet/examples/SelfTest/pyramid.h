// SPDX-License-Identifier: Apache-2.0
// The maxima of 2 x 2 pixels of a 4 x 4 image.
#ifndef PYRAMID_H_
#define PYRAMID_H_

#include <TFLM_MCUNet.h>

#define PYRAMID_SIZE 4
#define PYRAMID_INPUT_AT 0
#define PYRAMID_OUTPUT_AT 16
#define PYRAMID_STATE_AT 20
#define PYRAMID_ARENA_BYTES 28

#ifdef __cplusplus
extern "C" {
#endif

extern const tmc_program pyramid;

#ifdef __cplusplus
}
#endif

#endif  // PYRAMID_H_

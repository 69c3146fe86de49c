// SPDX-License-Identifier: Apache-2.0
// Log spectra of a block of a sensor's samples with one or more axes, such as an accelerometer's.
#ifndef TMC_LOG_SPECTRUM_H_
#define TMC_LOG_SPECTRUM_H_

#include <stdint.h>

#include "tmc_level.h"
#include "tmc_spectrum.h"

#ifdef __cplusplus
extern "C" {
#endif

// Feature m of an axis is the level of bins edges[m] to before edges[m + 1] together, which are in
// [1, size / 2].
typedef struct {
  tmc_spectrum_tables spectrum;
  tmc_level level;
  uint16_t axes;
  uint16_t bands;
  const uint16_t* edges;  // bands + 1
} tmc_log_spectrum_tables;

// Features of a block of `spectrum.length` samples, the axes of a sample one after the other. The
// mean of each axis is subtracted first: it tells how the sensor is mounted. Writes axes rows of
// `bands` features. `scratch` is `spectrum.size` words.
void tmc_log_spectrum(const tmc_log_spectrum_tables* tables, const int16_t* samples,
                      int32_t* scratch, int8_t* features);

#ifdef __cplusplus
}
#endif

#endif  // TMC_LOG_SPECTRUM_H_

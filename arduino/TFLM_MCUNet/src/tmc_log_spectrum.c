// SPDX-License-Identifier: Apache-2.0
#include "tmc_log_spectrum.h"

// The mean of every `stride`-th of the samples, rounded to nearest, ties upwards: an offset on all
// of them changes it by just that.
static int32_t mean(const int16_t* samples, int32_t count, int32_t stride) {
  int32_t sum = count / 2;
  for (int32_t i = 0; i < count; ++i) {
    sum += samples[i * stride] - INT16_MIN;
  }
  return sum / count + INT16_MIN;
}

static void levels(const tmc_log_spectrum_tables* tables, const int32_t* spectrum,
                   int8_t* features) {
  for (uint32_t band = 0; band < tables->bands; ++band) {
    uint64_t energy = 0;
    for (uint32_t k = tables->edges[band]; k < tables->edges[band + 1]; ++k) {
      energy += tmc_energy(spectrum, k);
    }
    features[band] = tmc_level_of(&tables->level, energy);
  }
}

void tmc_log_spectrum(const tmc_log_spectrum_tables* tables, const int16_t* samples,
                      int32_t* scratch, int8_t* features) {
  const int32_t axes = tables->axes;
  for (int32_t axis = 0; axis < axes; ++axis) {
    const int32_t offset = mean(samples + axis, tables->spectrum.length, axes);
    tmc_spectrum(&tables->spectrum, samples + axis, axes, offset, scratch);
    levels(tables, scratch, features + axis * tables->bands);
  }
}

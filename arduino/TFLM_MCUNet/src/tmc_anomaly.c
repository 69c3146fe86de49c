// SPDX-License-Identifier: Apache-2.0
#include "tmc_anomaly.h"

uint64_t tmc_anomaly_score(const tmc_anomaly_settings* settings, const int8_t* input,
                           const int8_t* output) {
  uint64_t score = 0;
  for (uint32_t i = 0; i < settings->length; ++i) {
    const int32_t difference =
        output[i] * settings->output_step - input[i] * settings->input_step + settings->offset;
    score += (uint64_t)((int64_t)difference * difference) * settings->weights[i];
  }
  return score;
}

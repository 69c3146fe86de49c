// SPDX-License-Identifier: Apache-2.0
// How badly an auto-encoder reproduces its input: what it cannot reproduce is an anomaly.
#ifndef TMC_ANOMALY_H_
#define TMC_ANOMALY_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The difference of a value is output * output_step - input * input_step + offset: the steps are
// those of the network's quantization, in [0, 2^10], the offset makes up for its zero points,
// |offset| <= 2^18. Each difference counts with its weight.
typedef struct {
  uint16_t length;  // values of input and output
  int16_t input_step;
  int16_t output_step;
  int32_t offset;
  const uint8_t* weights;  // length
  uint64_t threshold;      // an anomaly scores above it
} tmc_anomaly_settings;

// The sum of the weighted squares of all differences, exact. `input` is what the network was given:
// where its arena is used again, keep a copy.
uint64_t tmc_anomaly_score(const tmc_anomaly_settings* settings, const int8_t* input,
                           const int8_t* output);

#ifdef __cplusplus
}
#endif

#endif  // TMC_ANOMALY_H_

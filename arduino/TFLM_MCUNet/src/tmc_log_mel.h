// SPDX-License-Identifier: Apache-2.0
// Log-mel features of a stream of 16-bit samples: a row of int8_t for each hop, ready for a model
// that is fed row by row.
//
//   tmc_log_mel stream = tmc_log_mel_begin(samples);
//   while (count > 0) {
//     const uint32_t taken = tmc_log_mel_push(&stream, &tables, pcm, count);
//     pcm += taken;
//     count -= taken;
//     if (tmc_log_mel_row(&stream, &tables, scratch, row)) { ... }
//   }
#ifndef TMC_LOG_MEL_H_
#define TMC_LOG_MEL_H_

#include <stdbool.h>
#include <stdint.h>

#include "tmc_level.h"
#include "tmc_spectrum.h"

#ifdef __cplusplus
extern "C" {
#endif

// The front end as data; tflm_mcunet.audio makes it from a configuration.
//
// Filter m rises over band m and falls over band m + 1, where band m is the bins from edges[m] to
// before edges[m + 1]. falling[k - edges[0]] is the weight of bin k in the filter that falls over
// it, Q0.15; in the one that rises it has the rest of 1. All bins are in [1, size / 2].
typedef struct {
  tmc_spectrum_tables spectrum;
  tmc_level level;
  uint16_t hop;  // samples from a row to the next, at most spectrum.length
  uint16_t bins;
  const uint16_t* edges;    // bins + 2
  const uint16_t* falling;  // edges[bins + 1] - edges[0]
} tmc_log_mel_tables;

// A stream: the samples of the frame that is being filled.
typedef struct {
  int16_t* samples;  // spectrum.length of them
  uint32_t filled;
} tmc_log_mel;

// An empty stream in the caller's memory, `tables->spectrum.length` samples.
static inline tmc_log_mel tmc_log_mel_begin(int16_t* samples) { return (tmc_log_mel){samples, 0}; }

// Takes samples until a frame is full, and says how many it took.
uint32_t tmc_log_mel_push(tmc_log_mel* stream, const tmc_log_mel_tables* tables,
                          const int16_t* samples, uint32_t count);

// If a frame is full: writes its `bins` features to `row`, makes room for a hop and returns true.
// `scratch` is `spectrum.size` words, whose content matters neither before nor after.
bool tmc_log_mel_row(tmc_log_mel* stream, const tmc_log_mel_tables* tables, int32_t* scratch,
                     int8_t* row);

#ifdef __cplusplus
}
#endif

#endif  // TMC_LOG_MEL_H_

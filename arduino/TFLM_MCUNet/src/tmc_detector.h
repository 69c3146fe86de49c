// SPDX-License-Identifier: Apache-2.0
// From a model's posteriors, inference after inference, to detections: moving averages, a
// threshold for each channel, and a time after each detection in which there is no other.
#ifndef TMC_DETECTOR_H_
#define TMC_DETECTOR_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { TMC_NOTHING_DETECTED = -1 };

// A channel is detected when the average of its last `window` posteriors exceeds its threshold;
// never if that is 127. For `refractory` inferences after it, nothing is.
typedef struct {
  uint16_t channels;
  uint16_t window;
  uint16_t refractory;
  const int8_t* thresholds;  // as the model's outputs are quantized
} tmc_detector_settings;

typedef struct {
  int8_t* history;  // window * channels
  int32_t* sums;    // channels
  uint16_t next;    // the oldest posteriors in `history`
  uint16_t silent;  // inferences left in which nothing is detected
} tmc_detector;

// A detector in the caller's memory that has only seen posteriors of -128.
tmc_detector tmc_detector_begin(const tmc_detector_settings* settings, int8_t* history,
                                int32_t* sums);

// Takes the posteriors of an inference. Returns the channel that is detected, of several that with
// the greatest average, or TMC_NOTHING_DETECTED.
int32_t tmc_detector_push(tmc_detector* detector, const tmc_detector_settings* settings,
                          const int8_t* posteriors);

#ifdef __cplusplus
}
#endif

#endif  // TMC_DETECTOR_H_

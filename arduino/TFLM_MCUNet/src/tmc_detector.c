// SPDX-License-Identifier: Apache-2.0
#include "tmc_detector.h"

#include <string.h>

tmc_detector tmc_detector_begin(const tmc_detector_settings* settings, int8_t* history,
                                int32_t* sums) {
  memset(history, INT8_MIN, (uint32_t)settings->window * settings->channels);
  for (uint32_t channel = 0; channel < settings->channels; ++channel) {
    sums[channel] = INT8_MIN * settings->window;
  }
  return (tmc_detector){history, sums, 0, 0};
}

static void average(tmc_detector* detector, const tmc_detector_settings* settings,
                    const int8_t* posteriors) {
  int8_t* oldest = detector->history + (uint32_t)detector->next * settings->channels;
  for (uint32_t channel = 0; channel < settings->channels; ++channel) {
    detector->sums[channel] += posteriors[channel] - oldest[channel];
    oldest[channel] = posteriors[channel];
  }
  detector->next = (uint16_t)((detector->next + 1u) % settings->window);
}

int32_t tmc_detector_push(tmc_detector* detector, const tmc_detector_settings* settings,
                          const int8_t* posteriors) {
  average(detector, settings, posteriors);
  if (detector->silent > 0) {
    --detector->silent;
    return TMC_NOTHING_DETECTED;
  }
  int32_t detected = TMC_NOTHING_DETECTED;
  for (int32_t channel = 0; channel < settings->channels; ++channel) {
    const int32_t sum = detector->sums[channel];
    if (sum > settings->thresholds[channel] * settings->window &&
        (detected == TMC_NOTHING_DETECTED || sum > detector->sums[detected])) {
      detected = channel;
      detector->silent = settings->refractory;
    }
  }
  return detected;
}

// SPDX-License-Identifier: Apache-2.0
// Real values to int8_t and back: real = scale * (quantized - zero point).
#ifndef TMC_QUANTIZATION_H_
#define TMC_QUANTIZATION_H_

#include <stdint.h>

// The nearest int8_t, ties away from zero before the zero point is added, as TensorFlow Lite
// rounds; values out of range saturate, and what is not a number becomes the least one.
static inline int8_t tmc_quantize(float value, float scale, int32_t zero_point) {
  const float steps = value / scale;
  if (!(steps > (float)(INT8_MIN - zero_point))) {
    return INT8_MIN;
  }
  if (steps >= (float)(INT8_MAX - zero_point)) {
    return INT8_MAX;
  }
  const int32_t whole = (int32_t)steps;
  const float rest = steps - (float)whole;
  const int32_t rounded = whole + (rest >= 0.5f ? 1 : 0) - (rest <= -0.5f ? 1 : 0);
  return (int8_t)(rounded + zero_point);
}

// The real number that a value of any type stands for; exact before the scale for those of 16 bits.
static inline float tmc_dequantize(float value, float scale, int32_t zero_point) {
  return scale * (value - (float)zero_point);
}

#endif  // TMC_QUANTIZATION_H_

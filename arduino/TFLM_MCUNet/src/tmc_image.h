// SPDX-License-Identifier: Apache-2.0
// From a camera's frame to the rows that a model is fed: the largest part around the centre that
// has the model's shape, each of its pixels the mean of those it covers.
#ifndef TMC_IMAGE_H_
#define TMC_IMAGE_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { TMC_IMAGE_LEVELS = 256 };

typedef enum {
  TMC_GRAY8,   // a byte for each pixel
  TMC_RGB565,  // two bytes for each pixel, red in the upper bits of the first
} tmc_pixel_format;

// `values` are the model's inputs for the levels 0 (dark) to 255. A frame in TMC_GRAY8 gives
// several channels the same values; TMC_RGB565 gives red, green and blue.
typedef struct {
  tmc_pixel_format format;
  int32_t frame_height;
  int32_t frame_width;
  int32_t height;  // of the model's input
  int32_t width;
  int32_t channels;
  const int8_t* values;  // TMC_IMAGE_LEVELS of them
} tmc_image;

// Writes row `y` of the model's input, from the top, width * channels values.
void tmc_image_row(const tmc_image* image, const uint8_t* frame, int32_t y, int8_t* row);

#ifdef __cplusplus
}
#endif

#endif  // TMC_IMAGE_H_

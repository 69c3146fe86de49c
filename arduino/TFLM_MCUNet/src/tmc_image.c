// SPDX-License-Identifier: Apache-2.0
#include "tmc_image.h"

typedef struct {
  int32_t begin;
  int32_t end;
} range;

static int32_t minimum(int32_t a, int32_t b) { return a < b ? a : b; }

// The part of an axis that the model sees: `size` of its pixels for every `other` across, where
// the frame has `frame_size` and `frame_other`.
static range crop(int32_t frame_size, int32_t frame_other, int32_t size, int32_t other) {
  const int32_t kept = minimum(frame_size, frame_other * size / other);
  const int32_t begin = (frame_size - kept) / 2;
  return (range){begin, begin + kept};
}

// The pixels of the frame that pixel `i` of `size` covers, wholly or in part.
static range covered(range crop, int32_t size, int32_t i) {
  const int32_t length = crop.end - crop.begin;
  const int32_t begin = crop.begin + i * length / size;
  const int32_t end = crop.begin + ((i + 1) * length + size - 1) / size;
  return (range){begin, end};
}

// All bits of a colour of 5 or 6 bits, so that the brightest is 255.
static uint32_t widen(uint32_t value, uint32_t bits) {
  return (value << (8 - bits)) | (value >> (2 * bits - 8));
}

static uint32_t level(const tmc_image* image, const uint8_t* frame, int32_t pixel,
                      int32_t channel) {
  if (image->format == TMC_GRAY8) {
    return frame[pixel];
  }
  const uint32_t colours = ((uint32_t)frame[2 * pixel] << 8) | frame[2 * pixel + 1];
  switch (channel) {
    case 0:
      return widen(colours >> 11, 5);
    case 1:
      return widen((colours >> 5) & 0x3F, 6);
    default:
      return widen(colours & 0x1F, 5);
  }
}

static uint32_t mean(const tmc_image* image, const uint8_t* frame, range rows, range cols,
                     int32_t channel) {
  uint32_t sum = 0;
  for (int32_t y = rows.begin; y < rows.end; ++y) {
    for (int32_t x = cols.begin; x < cols.end; ++x) {
      sum += level(image, frame, y * image->frame_width + x, channel);
    }
  }
  const uint32_t count = (uint32_t)((rows.end - rows.begin) * (cols.end - cols.begin));
  return (sum + count / 2) / count;
}

void tmc_image_row(const tmc_image* image, const uint8_t* frame, int32_t y, int8_t* row) {
  const range seen_rows =
      crop(image->frame_height, image->frame_width, image->height, image->width);
  const range seen_cols =
      crop(image->frame_width, image->frame_height, image->width, image->height);
  const range rows = covered(seen_rows, image->height, y);
  for (int32_t x = 0; x < image->width; ++x) {
    const range cols = covered(seen_cols, image->width, x);
    for (int32_t channel = 0; channel < image->channels; ++channel) {
      *row++ = image->values[mean(image, frame, rows, cols, channel)];
    }
  }
}

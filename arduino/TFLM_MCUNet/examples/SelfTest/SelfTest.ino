// SPDX-License-Identifier: Apache-2.0
// Checks the runtime on this board, without a sensor and without a model: the program in
// pyramid.c is small enough to be written, and its result to be known, by hand.
#include <TFLM_MCUNet.h>

#include "pyramid.h"

static void print_row(const int8_t* values, int count) {
  for (int i = 0; i < count; ++i) {
    Serial.print(values[i]);
    Serial.print(i + 1 < count ? " " : "\n");
  }
}

static bool check() {
  static uint32_t arena[PYRAMID_ARENA_BYTES / sizeof(uint32_t)];
  static const int8_t kImage[PYRAMID_SIZE][PYRAMID_SIZE] = {
      {1, 2, -3, 4},
      {5, 6, 7, -8},
      {-9, -10, -11, -12},
      {-13, 14, -15, -16},
  };
  static const int8_t kExpected[] = {6, 7, 14, -11};
  uint8_t* bytes = reinterpret_cast<uint8_t*>(arena);
  memcpy(bytes + PYRAMID_INPUT_AT, kImage, sizeof kImage);
  const tmc_status status = tmc_program_run(&pyramid, bytes, sizeof arena);
  const int8_t* maxima = reinterpret_cast<const int8_t*>(bytes + PYRAMID_OUTPUT_AT);
  print_row(maxima, sizeof kExpected);
  return status == TMC_OK && memcmp(maxima, kExpected, sizeof kExpected) == 0;
}

void setup() {
  Serial.begin(115200);
  while (!Serial && millis() < 5000) {
  }
}

void loop() {
  Serial.println(check() ? "self test passed" : "self test FAILED");
  delay(1000);
}

// SPDX-License-Identifier: Apache-2.0
// Shows what a network would see: the middle of the picture of an OV7675 camera, scaled to the
// network's input and printed row by row, from @ (dark) to a blank (bright). Row by row is also how
// a network takes it: in place of the printing, tmc_program_push_row().
#include <Arduino_OV767X.h>
#include <TFLM_MCUNet.h>

enum { FRAME_HEIGHT = 120, FRAME_WIDTH = 160, HEIGHT = 24, WIDTH = 24 };

static uint8_t frame[FRAME_HEIGHT * FRAME_WIDTH];
static int8_t values[TMC_IMAGE_LEVELS];
static const tmc_image kImage = {
    TMC_GRAY8, FRAME_HEIGHT, FRAME_WIDTH, HEIGHT, WIDTH, 1, values,
};
static bool found = false;

void setup() {
  Serial.begin(115200);
  while (!Serial && millis() < 5000) {
  }
  // For a network whose input stands for 0 (dark) to 1 (bright).
  for (int level = 0; level < TMC_IMAGE_LEVELS; ++level) {
    values[level] = tmc_quantize(level / 255.0f, 1 / 255.0f, -128);
  }
  found = Camera.begin(QQVGA, GRAYSCALE, 1, OV7675);
  if (!found) {
    Serial.println("no OV7675 camera found: is it connected?");
  }
}

void loop() {
  static const char kShades[] = "@%#*+=-. ";
  if (!found) {
    return;
  }
  Camera.readFrame(frame);
  for (int y = 0; y < HEIGHT; ++y) {
    int8_t row[WIDTH];
    char line[WIDTH + 1] = "";
    tmc_image_row(&kImage, frame, y, row);
    for (int x = 0; x < WIDTH; ++x) {
      line[x] = kShades[(row[x] + 128) * 9 / 256];
    }
    Serial.println(line);
  }
}

// SPDX-License-Identifier: Apache-2.0
// Collects windows of acceleration as a network would take them, quantized, and prints how much
// each axis shakes: the greatest less the least value, in g.
#include <Arduino_LSM9DS1.h>  // of the Nano 33 BLE; of the Rev2: Arduino_BMI270_BMM150.h
#include <TFLM_MCUNet.h>

enum { AXES = 3, WINDOW = 100 };

static const float kScale = 1 / 32.0f;  // -4 g to 4 g, what the sensor measures
static const int32_t kZeroPoint = 0;

static int8_t window[WINDOW][AXES];
static bool found = false;

static void collect() {
  for (int i = 0; i < WINDOW; ++i) {
    float sample[AXES];
    while (!IMU.accelerationAvailable()) {
    }
    IMU.readAcceleration(sample[0], sample[1], sample[2]);
    for (int axis = 0; axis < AXES; ++axis) {
      window[i][axis] = tmc_quantize(sample[axis], kScale, kZeroPoint);
    }
  }
}

static float shake(int axis) {
  int8_t least = window[0][axis];
  int8_t greatest = least;
  for (int i = 1; i < WINDOW; ++i) {
    least = window[i][axis] < least ? window[i][axis] : least;
    greatest = window[i][axis] > greatest ? window[i][axis] : greatest;
  }
  return (greatest - least) * kScale;
}

void setup() {
  Serial.begin(115200);
  while (!Serial && millis() < 5000) {
  }
  found = IMU.begin();
  if (!found) {
    Serial.println("no inertial sensor found: is this the right board?");
  }
}

void loop() {
  if (!found) {
    return;
  }
  collect();
  for (int axis = 0; axis < AXES; ++axis) {
    Serial.print(shake(axis), 4);
    Serial.print(axis + 1 < AXES ? " " : " g\n");
  }
}

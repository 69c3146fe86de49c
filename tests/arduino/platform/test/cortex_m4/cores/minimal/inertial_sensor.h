// SPDX-License-Identifier: Apache-2.0
// What both inertial sensors of the Nano 33 BLE boards have in common, from imu.bin: 6 floats a
// sample, acceleration in g and rotation in degrees per second.
#ifndef INERTIAL_SENSOR_H_
#define INERTIAL_SENSOR_H_

#include "Arduino.h"
#include "recording.h"

class InertialSensor {
 public:
  int begin() { return recording_.open("imu.bin"); }
  int accelerationAvailable() const { return 1; }
  int gyroscopeAvailable() const { return 1; }

  int readAcceleration(float& x, float& y, float& z) {
    recording_.read(sample_, sizeof sample_);
    return copy(sample_, x, y, z);
  }

  int readGyroscope(float& x, float& y, float& z) const { return copy(sample_ + 3, x, y, z); }

 private:
  static int copy(const float* from, float& x, float& y, float& z) {
    x = from[0];
    y = from[1];
    z = from[2];
    return 1;
  }

  Recording recording_;
  float sample_[6] = {};
};

#endif  // INERTIAL_SENSOR_H_

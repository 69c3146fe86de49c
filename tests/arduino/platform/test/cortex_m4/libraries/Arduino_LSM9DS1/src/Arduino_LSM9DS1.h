// SPDX-License-Identifier: Apache-2.0
#ifndef ARDUINO_LSM9DS1_H_
#define ARDUINO_LSM9DS1_H_

#include <Wire.h>
#include <inertial_sensor.h>

class LSM9DS1Class : public InertialSensor {
 public:
  float accelerationSampleRate() const { return 119.0f; }
};

extern LSM9DS1Class IMU_LSM9DS1;
#define IMU IMU_LSM9DS1

#endif  // ARDUINO_LSM9DS1_H_

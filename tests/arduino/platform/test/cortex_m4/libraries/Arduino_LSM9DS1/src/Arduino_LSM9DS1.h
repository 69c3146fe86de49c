// SPDX-License-Identifier: Apache-2.0
#ifndef ARDUINO_LSM9DS1_H_
#define ARDUINO_LSM9DS1_H_

#include <inertial_sensor.h>

extern InertialSensor IMU_LSM9DS1;
#define IMU IMU_LSM9DS1

#endif  // ARDUINO_LSM9DS1_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef ARDUINO_BMI270_BMM150_H_
#define ARDUINO_BMI270_BMM150_H_

#include <inertial_sensor.h>

extern InertialSensor IMU_BMI270_BMM150;
#define IMU IMU_BMI270_BMM150

#endif  // ARDUINO_BMI270_BMM150_H_

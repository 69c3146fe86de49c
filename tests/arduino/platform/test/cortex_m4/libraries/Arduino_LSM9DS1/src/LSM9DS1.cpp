// SPDX-License-Identifier: Apache-2.0
#include "Arduino_LSM9DS1.h"

InertialSensor IMU_LSM9DS1(119.0f);

// SPDX-License-Identifier: Apache-2.0
#include "Arduino_BMI270_BMM150.h"

InertialSensor IMU_BMI270_BMM150(99.84f);
